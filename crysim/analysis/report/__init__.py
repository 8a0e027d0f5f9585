"""The report: one HTML file of a comparison, which opens without a network."""
