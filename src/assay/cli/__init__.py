"""The command line: one file per command, no logic. Messages and progress go to stderr, results to stdout."""

from assay.cli.root import main

__all__ = ["main"]
