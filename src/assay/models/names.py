"""What the names of models on the command line have in common."""

EMBEDDED = ("embedded", "embedded-base", "embedded-reader")
"""Names that one embedded engine serves; `embedded:FILE` is one more."""
ASKED = "asks:"
"""Before a judge's model: it is asked for values in words."""


def is_embedded(spec: str) -> bool:
    """Whether the embedded engine serves a name."""
    return spec.partition(":")[0] in EMBEDDED


def is_asked(judge: str) -> bool:
    """Whether a judge is asked for values in words."""
    return judge.startswith(ASKED)


def model_of(judge: str) -> str:
    """The model behind a judge's name."""
    return judge.removeprefix(ASKED)
