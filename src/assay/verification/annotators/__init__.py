"""Annotators: readers that name the value of a label from the text alone."""
