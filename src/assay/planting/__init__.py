"""The planting package."""
