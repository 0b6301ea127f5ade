"""Statistics on plain arrays: intervals, agreement, sequential bounds. Imports nothing of assay but its errors."""
