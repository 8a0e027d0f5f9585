"""The harness of every strategy: settings to runs, runs within a budget, and their durable records."""
