"""RL01 to RL06 of two sets of sessions, and what they come to in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.errors import NotEnoughData
from assay.verification.check import CoreReader
from assay.verification.realism.behaviour import Rate, behaviour_rates
from assay.verification.realism.cues import Cue, cue_row, telling_behaviours, telling_words
from assay.verification.realism.discriminator import Discrimination, discriminate
from assay.verification.realism.diversity import diversity
from assay.verification.realism.ensemble import Distribution, ensemble
from assay.verification.realism.features import SPECIFICATION, Embed
from assay.verification.realism.lines import Lines, common_pairs, session_texts, turn_texts
from assay.verification.realism.nulls import Text

Progress = Callable[[str, int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the comparison is made."""

    seed: int = 0
    permutations: int = SPECIFICATION["permutations"]
    embed: Embed | None = None
    """Texts -> unit vectors; None: components of tf-idf."""
    embedder: str = "components of tf-idf"
    """What the second view sees, in words."""
    reader: CoreReader | None = None
    """Reader of core acts; None: acts are not compared."""
    english: bool = True
    """Whether parts that read English words apply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Realism:
    """What was found."""

    turn: Discrimination
    session: Discrimination
    distributions: dict[str, Distribution]
    diversity: dict[str, Any]
    rates: dict[str, Rate]
    cues: list[Cue]
    n_simulated: int
    n_real: int
    options: Options

    def row(self) -> dict[str, Any]:
        """The JSON summary (INTERFACE, realism)."""
        units = {"turn": self.turn, "session": self.session}
        baselines = {u: {"length_only": d.length_only, "format_only": d.format_only} for u, d in units.items()}
        ratios = {
            name: {"ratio": d.entropy_ratio, "ci": list(d.entropy_ci) if d.entropy_ci else None}
            for name, d in self.distributions.items()
        }
        return {
            "RL01": {u: d.row() for u, d in units.items()} | {"baselines": baselines},
            "RL02": {name: d.row() for name, d in self.distributions.items()},
            "RL04": {"entropy_ratio": ratios, **self.diversity},
            "RL06": {name: r.row() for name, r in self.rates.items()},
            "n_simulated": self.n_simulated,
            "n_real": self.n_real,
            "verdict": verdict(self),
            "cues": [cue_row(c) for c in self.cues],
            "specification": {**SPECIFICATION, "embedder": self.options.embedder, "seed": self.options.seed},
        }  # fmt: skip


def compare(
    simulated: Sequence[Lines], real: Sequence[Lines], options: Options | None = None,
    progress: Progress = lambda stage, done, total, note: None,
) -> Realism:  # fmt: skip
    """Everything but people's own answers (RL03) and utility (RL05), which need people and labels.

    Raises NotEnoughData below 4 simulated or 8 real sessions with any line of the user's.
    """
    options = options or Options()
    if len(simulated) < 4 or len(real) < 8:
        raise NotEnoughData(
            f"{len(simulated)} simulated and {len(real)} real sessions cannot be compared",
            now="needs at least 4 and 8, and 50 of each for a useful answer",
        )
    steps = ("turns", "sessions", "distributions", "diversity")
    pairs = common_pairs(real, simulated)

    def tell(step: int) -> None:
        progress("realism", step, len(steps), steps[step] if step < len(steps) else "")

    tell(0)
    turn = _discriminate(turn_texts(real, pairs), turn_texts(simulated, pairs), "turn", options)
    tell(1)
    session = _discriminate(session_texts(real, pairs), session_texts(simulated, pairs), "session", options)
    tell(2)
    found = ensemble(simulated, real, options.seed, options.reader, options.english)
    tell(3)
    varied = diversity(simulated, real, np.random.default_rng([options.seed, 0x41]))
    rates = behaviour_rates(simulated, real, options.english)
    cues = telling_behaviours(rates, simulated, real) + telling_words(simulated, real)
    tell(4)
    return Realism(
        turn=turn, session=session, distributions=found, diversity=varied, rates=rates, cues=cues,
        n_simulated=len(simulated), n_real=len(real), options=options,
    )  # fmt: skip


def _discriminate(real: Sequence[Text], simulated: Sequence[Text], unit: str, options: Options) -> Discrimination:
    return discriminate(
        real, simulated, permutations=options.permutations, seed=options.seed, embed=options.embed,
        most=SPECIFICATION["most_texts_per_class"][unit],
    )  # fmt: skip


def verdict(found: Realism) -> str:
    """What it comes to, in words. Of classifiers, never of people: what people see, only people can say (RL03)."""
    parts = [_told(found.session, "session"), _told(found.turn, "turn")]
    different = [n for n, d in found.distributions.items() if d.says == "different"]
    alike = [n for n, d in found.distributions.items() if d.says == "alike"]
    parts.append(
        f"Of {len(found.distributions)} distributions {len(different)} differ"
        + (f" ({', '.join(different[:6])})" if different else "")
        + f", {len(alike)} are alike within what real halves differ by, for the others neither is shown."
    )
    strongest = [c.cue for c in found.cues if c.kind == "behaviour"][:3]
    words = [f'"{c.cue}"' for c in found.cues if c.kind == "words"][:3]
    told = any(d.auc is not None and d.p <= 0.05 for d in (found.turn, found.session))
    if told and not found.turn.paired:
        parts.append(
            "These are not the same sessions reworded, so part of it is what is talked about; only pairs show the "
            "words alone."
        )
    if told and (strongest or words):
        parts.append(f"The strongest cues: {', '.join([*strongest, *words])}.")
    return " ".join(parts)


def _told(found: Discrimination, unit: str) -> str:
    """One sentence about one unit: the area is how often the simulated one of a pair gets the higher score."""
    if found.auc is None:
        return f"By {unit} nothing can be said: {found.reason}."
    times = f"{10 * found.auc:.1f}"
    chance = f"; real against real: {10 * found.null_auc:.1f}" if found.null_auc is not None else ""
    if found.p > 0.05:
        return (
            f"Shown a real and a simulated {unit}, a text classifier picks out the simulated one {times} times in 10, "
            f"which is not more than chance (p = {found.p:.2g}, n = {found.n} a class{chance}); this does not prove "
            "that they are alike."
        )
    return (
        f"Shown a real and a simulated {unit}, a text classifier picks out the simulated one {times} times in 10 "
        f"(chance: 5{chance}; n = {found.n} a class, p = {found.p:.2g})."
    )
