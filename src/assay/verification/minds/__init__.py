"""Minds: who knows what, asked of a judge in several forms, and tracked without one."""
