"""The only door to a language model."""

from assay.models.model import (
    Answer,
    Complete,
    Message,
    Model,
    Request,
    Sampling,
    key_of,
    option_scores,
    options_request,
    score_options,
)
from assay.models.resolve import resolve

__all__ = [
    "Answer",
    "Complete",
    "Message",
    "Model",
    "Request",
    "Sampling",
    "key_of",
    "option_scores",
    "options_request",
    "resolve",
    "score_options",
]
