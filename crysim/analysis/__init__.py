"""What runs come to: metrics, tables, figures and reports."""
