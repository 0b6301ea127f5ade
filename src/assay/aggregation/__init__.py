"""The aggregation package."""
