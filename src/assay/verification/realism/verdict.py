"""What a comparison comes to, in words."""

from collections.abc import Mapping, Sequence

from assay.verification.realism.cues import Cue
from assay.verification.realism.discriminator import Discrimination
from assay.verification.realism.ensemble import Distribution
from assay.verification.realism.family import ALPHA, Answer
from assay.verification.realism.pairs import Judged

MOST_NAMED = 6


def verdict(
    turn: Discrimination, session: Discrimination, distributions: Mapping[str, Distribution],
    answers: Sequence[Answer], cues: Sequence[Cue], people: Judged | None = None,
) -> str:  # fmt: skip
    """What classifiers find, and what people said where they were asked (RL03): no classifier speaks for them.

    answers: every p-value of the comparison after Holm. A p that could not have been small enough is called that, and
    never read as likeness.
    """
    by = {(a.question.group, a.question.name): a for a in answers}
    units = (("session", session), ("turn", turn))
    parts = [_told(found, unit, by[f"RL01 {unit}", ""]) for unit, found in units]
    if any(d.auc is not None and by[f"RL01 {unit}", ""].shown for unit, d in units):
        if strongest := _strongest(cues, by):
            parts.append(f"The strongest cues: {'; '.join(strongest)}.")
        if not turn.paired:
            parts.append(
                "These are not the same sessions reworded, so part of it is what is talked about; only pairs show the "
                "words alone."
            )
    parts.append(_of_distributions(distributions, [a for a in answers if a.question.group == "RL02"]))
    parts.append(_people(people, by.get(("RL03", ""))))
    return " ".join(parts)


def _people(found: Judged | None, answer: Answer | None) -> str:
    if found is None:
        return "Whether people would notice, only people can say: the pairs of RL03."
    times = f"{10 * found.share:.1f} times in 10"
    said = f"People picked out the simulated one of a pair {times} (chance: 5; {found.n} answers"
    if answer is None:
        return f"{said}; no p, since pairs have several answers)."
    more = "" if answer.shown else ", which is not more than chance"
    return f"{said}, p = {answer.question.p:.2g}, after Holm {answer.p:.2g}){more}."


def _told(found: Discrimination, unit: str, answer: Answer) -> str:
    """One sentence about one unit: the area is how often the simulated one of a pair gets the higher score."""
    if found.auc is None:
        return f"By {unit} nothing can be said: {found.reason}."
    chance = f"; real against real: {10 * found.null_auc:.1f}" if found.null_auc is not None else ""
    beside = f"chance: 5{chance}; n = {found.n} a class, p = {found.p:.2g}, after Holm {answer.p:.2g}"
    picks = (
        f"Shown a real and a simulated {unit}, a text classifier picks out the simulated one "
        f"{10 * found.auc:.1f} times in 10 ({beside})"
    )
    if answer.shown:
        return f"{picks}."
    if answer.unattainable:
        return f"{picks}: no answer, because {_too_few(found, answer)}."
    return f"{picks}, which is not more than chance; this does not prove that they are alike."


def _too_few(found: Discrimination, answer: Answer) -> str:
    """Why no p could have been small enough."""
    of = f"with {found.permutations} permutations"
    if found.p_least > 1 / (1 + found.permutations) + 1e-12:
        of = f"with {found.units} {'pairs of sessions' if found.paired else 'sessions in all'}"
    return f"{of} nothing can be below {ALPHA:g} after Holm ({answer.least:.2g} at best)"


def _strongest(cues: Sequence[Cue], by: Mapping[tuple[str, str], Answer]) -> list[str]:
    """Three behaviours that differ after Holm, then three n-grams, with their rates on both sides."""
    behaviours = [c for c in cues if c.kind == "behaviour" and (a := by.get(("RL06", c.cue))) is not None and a.shown]
    words = [c for c in cues if c.kind == "words"]
    return [_cue(c) for c in (*behaviours[:3], *sorted(words, key=lambda c: -c.strength)[:3])]


def _cue(cue: Cue) -> str:
    name = f'"{cue.cue}"' if cue.kind == "words" else cue.cue
    if cue.unit == "share of turns":
        return f"{name} ({100 * cue.simulated:.0f} % of simulated turns, {100 * cue.real:.0f} % of real ones)"
    return f"{name} (simulated {cue.simulated:.1f}, real {cue.real:.1f})"


def _of_distributions(distributions: Mapping[str, Distribution], answers: Sequence[Answer]) -> str:
    different = [n for n, d in distributions.items() if d.says == "different"]
    alike = [n for n, d in distributions.items() if d.says == "alike"]
    if not different and answers and all(a.unattainable for a in answers):
        n = next(iter(distributions.values())).n
        return (
            f"Of {len(distributions)} distributions none could be shown to differ: {n} sessions a side are too few "
            f"for a p of {ALPHA:g} after Holm."
        )
    named = ", ".join(different[:MOST_NAMED]) + (" and others" if len(different) > MOST_NAMED else "")
    return (
        f"Of {len(distributions)} distributions {len(different)} differ{f' ({named})' if different else ''}, "
        f"{len(alike)} are alike within what real halves differ by, for the others neither is shown."
    )
