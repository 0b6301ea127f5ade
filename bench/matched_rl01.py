"""RL01 of the matched test: a turn and its regeneration share a fold, folds hold whole services."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from assay.verification.realism.discriminator import discriminate
from assay.verification.realism.features import Embed
from assay.verification.realism.nulls import Text
from matched_data import Case


@dataclass(frozen=True, slots=True)
class Told:
    """How well real and regenerated texts are told apart."""

    text: str
    """The area with its interval, or why there is none."""
    beside: str
    """p, real against real, the positive control, lengths alone, marks and capitals alone, each view."""
    row: dict[str, Any]
    """Everything that `discriminate` found."""


@lru_cache(maxsize=1)
def embedder() -> Embed | None:
    """Sentence embeddings where they are installed; without them tf-idf stands in."""
    from assay.models import embeddings

    return embeddings.MiniLM().embed if embeddings.available() else None


def turns_told_apart(
    texts: Sequence[str], cases: Sequence[Case], control: Sequence[str], permutations: int, embed: Embed | None = None
) -> Told:
    """RL01 on turns; control: templates in the place of the regenerated ones."""

    def side(words: Sequence[str]) -> list[Text]:
        return [Text(w, c.session, c.services[0], c.id) for w, c in zip(words, cases, strict=True)]

    return _told(side([c.real for c in cases]), side(texts), side(control), permutations, embed)


def whole_sessions_told_apart(
    texts: Sequence[str], cases: Sequence[Case], control: Sequence[str], permutations: int, embed: Embed | None = None
) -> Told:
    """RL01 on sessions: all user turns of one, a line each. Every turn was made in the real context."""
    firsts = {c.session: c.services[0] for c in cases}

    def side(words: Sequence[str]) -> list[Text]:
        lines: dict[str, list[str]] = {name: [] for name in firsts}
        for w, c in zip(words, cases, strict=True):
            lines[c.session].append(w)
        return [Text("\n".join(own), name, firsts[name], name) for name, own in lines.items()]

    return _told(side([c.real for c in cases]), side(texts), side(control), permutations, embed)


def _told(
    real: Sequence[Text], made: Sequence[Text], control: Sequence[Text], permutations: int, embed: Embed | None
) -> Told:
    found = discriminate(real, made, control=control, permutations=permutations, embed=embed)
    row = found.row()
    views = ", ".join(f"{name} {area:.2f}" for name, area in found.views.items())
    null = f"{found.null_auc:.2f} (95th {found.null_95:.2f}, n {found.null_n})" if found.null_auc is not None else "-"
    reached = f"{found.positive_control:.2f}" if found.positive_control is not None else "-"
    beside = (
        f"p {found.p:.3f}; real/real {null}; templates {reached}; length {found.length_only:.2f}; format "
        f"{found.format_only:.2f}; {views}"
    )
    if found.auc is None or found.ci is None:
        return Told(str(found.reason), beside, row)
    return Told(f"{found.auc:.3f} ({found.ci[0]:.3f} to {found.ci[1]:.3f})", beside, row)
