"""Sessions made by others, brought into the one form that assay reads."""
