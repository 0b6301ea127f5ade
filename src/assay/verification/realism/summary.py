"""RL01 to RL06 of two sets of sessions, and what they come to in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.errors import NotEnoughData
from assay.verification.check import CoreReader
from assay.verification.realism.behaviour import PERMUTATIONS as RATE_PERMUTATIONS
from assay.verification.realism.behaviour import Rate, behaviour_rates
from assay.verification.realism.control import repeated
from assay.verification.realism.cues import Cue, cue_row, telling_behaviours, telling_words
from assay.verification.realism.discriminator import Discrimination, discriminate
from assay.verification.realism.diversity import diversity
from assay.verification.realism.ensemble import Distribution, ensemble, readjusted
from assay.verification.realism.family import Answer, Question, adjust, family_row
from assay.verification.realism.features import SPECIFICATION, Embed
from assay.verification.realism.lines import Lines, common_pairs, session_texts, turn_texts
from assay.verification.realism.notes import notes
from assay.verification.realism.nulls import Text, least_p
from assay.verification.realism.pairs import Judged
from assay.verification.realism.verdict import verdict

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
    people: Judged | None = None
    """What people said of pairs (RL03), where they were asked."""


def family_of(
    turn: Discrimination, session: Discrimination, distributions: Mapping[str, Distribution], rates: Mapping[str, Rate],
    sizes: tuple[int, int], *, paired: bool, people: Judged | None = None,
) -> list[Answer]:  # fmt: skip
    """Every p-value of one comparison, adjusted together. sizes: simulated and real sessions that rates are made of."""
    least = least_p(*sizes, RATE_PERMUTATIONS, paired=paired)
    asked = [] if people is None or people.p is None else [Question("RL03", "", people.p, min(1.0, 2 * 0.5**people.n))]
    return adjust(
        [
            Question("RL01 turn", "", turn.p, turn.p_least),
            Question("RL01 session", "", session.p, session.p_least),
            *(Question("RL02", name, d.p_raw, d.p_least) for name, d in distributions.items()),
            *(Question("RL06", name, r.p, least) for name, r in rates.items()),
            *asked,
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Realism:
    """What was found."""

    turn: Discrimination
    session: Discrimination
    distributions: dict[str, Distribution]
    diversity: dict[str, Any]
    rates: dict[str, Rate]
    cues: list[Cue]
    answers: list[Answer]
    """Every p-value, after Holm over all of them."""
    notes: list[str]
    """What limits the comparison, in sentences."""
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
            "holm": family_row(self.answers),
            "verdict": verdict(
                self.turn, self.session, self.distributions, self.answers, self.cues, self.options.people
            ),
            "notes": self.notes,
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
    rates = behaviour_rates(simulated, real, options.english, options.seed)
    sizes = (len(simulated), len(real))
    answers = family_of(turn, session, found, rates, sizes, paired=bool(pairs), people=options.people)
    by = {(a.question.group, a.question.name): a.p for a in answers}
    found = {name: readjusted(d, by["RL02", name]) for name, d in found.items()}
    rates = {name: replace(r, p_holm=by["RL06", name]) for name, r in rates.items()}
    cues = telling_behaviours(rates, simulated, real) + telling_words(simulated, real)
    tell(4)
    return Realism(
        turn=replace(turn, p_holm=by["RL01 turn", ""]), session=replace(session, p_holm=by["RL01 session", ""]),
        answers=answers, notes=notes(simulated, real, options.english, bool(pairs)),
        distributions=found, diversity=varied, rates=rates, cues=cues,
        n_simulated=len(simulated), n_real=len(real), options=options,
    )  # fmt: skip


def _discriminate(real: Sequence[Text], simulated: Sequence[Text], unit: str, options: Options) -> Discrimination:
    control = None if options.english else repeated(real, np.random.default_rng([options.seed, 0x12]))
    return discriminate(
        real, simulated, control=control, permutations=options.permutations, seed=options.seed, embed=options.embed,
        most=SPECIFICATION["most_texts_per_class"][unit],
    )  # fmt: skip
