"""The bench: settings to runs, runs within a budget, and their durable records."""
