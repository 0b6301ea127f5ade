"""The exporting package."""
