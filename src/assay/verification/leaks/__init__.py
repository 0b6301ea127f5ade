"""Leaks: labels copied word for word (LB03), private facts used too early (IA01), claims without ground (IA02)."""

from assay.verification.leaks.early import early_facts
from assay.verification.leaks.grounding import ungrounded_claims
from assay.verification.leaks.verbatim import verbatim_leaks

__all__ = ["early_facts", "ungrounded_claims", "verbatim_leaks"]
