"""assay: simulated user sessions whose ground-truth labels can be trusted, and how far."""

__version__ = "0.1.0"
