"""Operators that break one label: another value in the record, or words that say another value."""

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from assay.planting.donors import donors
from assay.planting.operator import Job, Operator, Unit, pattern, says
from assay.planting.run import Draft, Edit, Group, Place, with_value
from assay.records.label import key_of

MAX_VALUES = 200
"""A label with more distinct values is no category unless it is asked for by name."""


def places(job: Job, chosen: Callable[[str], bool], limit: int | None = None) -> list[Place]:
    """Labels that an operator may break: those asked for, else those it chooses; at least 2 values each.

    Systematic faults keep one value per group, drawn beforehand (see `draw_pairs`)."""
    found = []
    for place in job.run.places:
        named = place.name in job.names if job.names is not None else chosen(place.name)
        if not named or not job.run.owned(place):
            continue
        size = len(job.pool(job.run.group(place))[0])
        if size >= 2 and (job.names is not None or limit is None or size <= limit):
            found.append(place)
    return found


def as_units(found: Collection[Place]) -> list[Unit]:
    """One unit per label."""
    return [Unit(session=p.session, turn=p.turn, name=p.name, place=p) for p in found]


def draw_pairs(job: Job, found: list[Place], rng: np.random.Generator, wanted: int = 1) -> list[Place]:
    """For each group a value, drawn by its frequency, and another that it is always taken for; the labels it has.

    Further values follow until `wanted` labels of the group are reached, but never more than half of its labels.
    """
    by_group: dict[Any, dict[str, list[Place]]] = {}
    for place in found:
        by_group.setdefault(job.run.group(place), {}).setdefault(key_of(place.value), []).append(place)
    kept: list[Place] = []
    for group, by_value in sorted(by_group.items()):
        often = {k: p for k, p in sorted(by_value.items()) if len(p) >= 2}
        weights = np.array([len(p) for p in often.values()], dtype=float)
        drawn = rng.choice(len(often), len(often), replace=False, p=weights / weights.sum()).tolist() if often else []
        half = sum(len(p) for p in by_value.values()) / 2
        mine: list[Place] = []
        for own in (list(often)[i] for i in drawn):
            if mine and (len(mine) >= wanted or len(mine) + len(often[own]) > half):
                continue
            value = other_value(job, group, own, rng)
            if value is not None:
                job.given[(group, own)] = value
                mine += often[own]
        kept += mine
    return kept


def other_value(job: Job, group: Group, own: str, rng: np.random.Generator) -> Any | None:
    """Another value of a group: the most confusable, where these are given, else uniform over its pool."""
    if job.aids.confusable is not None:
        return job.aids.confusable.get((group[0], own))
    keys, raws = job.pool(group)
    others = [k for k in keys if k != own]
    return raws[others[int(rng.integers(len(others)))]] if others else None


def swap_label(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator, *, not_in: str = "") -> list[Edit] | None:
    """Put another value into the record; the core act follows the act."""
    assert unit.place is not None
    turn, name = unit.turn, unit.place.name
    value = job.wrong(unit.place, rng, not_in=not_in)
    old_core = draft.labels(turn).get("core_act") if name == "act" else None
    if value is None or not draft.is_given(turn, name) or (old_core and not draft.is_given(turn, "core_act")):
        return None
    edits = [draft.set_label(turn, name, unit.place.path, value)]
    core = job.core(value) if old_core is not None else None
    if core is not None and core != old_core:
        edits.append(draft.set_label(turn, "core_act", ("core_act",), core))
    return edits


def reword_turn(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """Keep the labels and word the turn as if it had another value."""
    assert unit.place is not None
    value = job.wrong(unit.place, rng)
    if value is None or unit.turn is None or not draft.is_open(unit.turn):
        return None
    labels = draft.session.turns[unit.turn].labels
    wrong = with_value(labels, unit.place.path, value)
    names = [unit.place.name]
    core = job.core(value) if unit.place.name == "act" else None
    if core is not None and "core_act" in labels and labels["core_act"] != core:
        wrong["core_act"] = core
        names.append("core_act")
    text = worded(job, draft, unit.place, (unit.turn, value, wrong), rng)
    if text is None or text == draft.text(unit.turn):
        return None
    return draft.set_text(unit.turn, text, *names)


def worded(
    job: Job, draft: Draft, place: Place, what: tuple[int, Any, dict[str, Any]], rng: np.random.Generator
) -> str | None:
    """Words of a turn from a wrong value: (turn, value, labels with it). By the model, else by a donor turn.

    A turn of a foreign session takes the words of another session's turn that has the value; in our own sessions only
    a model words anew, since their turns are bound to the session's own slots and goal.
    """
    turn, value, wrong = what
    if job.aids.reword is not None:
        return job.aids.reword(draft.session, turn, wrong)
    return None if draft.session.authored else donors(job).line(draft, place, turn, value, rng)


def act_units(job: Job) -> list[Unit]:
    """The user's acts of our own sessions; any categorical label of foreign ones, or the one asked for."""
    own = any(s.authored for s in job.run.sessions)
    found = places(job, lambda name: name == "act" if own else True, MAX_VALUES)
    return as_units(found if job.kind == "label" else [p for p in found if p.turn is not None])


def act_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """Another act."""
    return swap_label(job, draft, unit, rng) if job.kind == "label" else reword_turn(job, draft, unit, rng)


def slot_units(job: Job) -> list[Unit]:
    """Slot labels; for faults in the words, those whose value stands there verbatim."""
    found = places(job, lambda name: name.startswith("slots."))
    if job.kind != "label":
        sessions = job.run.sessions
        found = [p for p in found if p.turn is not None and isinstance(p.value, str)]
        found = [p for p in found if says(sessions[p.session].turns[p.turn or 0].text, p.value)]
    return as_units(found)


def slot_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """Another value of the slot, in the record or in the words; never one that the words hold as well."""
    assert unit.place is not None
    text = "" if unit.turn is None else draft.session.turns[unit.turn].text
    if job.kind == "label":
        return swap_label(job, draft, unit, rng, not_in=text)
    value = job.wrong(unit.place, rng, not_in=text)
    if not isinstance(value, str) or unit.turn is None or not draft.is_open(unit.turn):
        return None
    changed = pattern(unit.place.value).sub(lambda _: value, text)
    return draft.set_text(unit.turn, changed, unit.place.name) if changed != text else None


def goal_units(job: Job) -> list[Unit]:
    """The goal of every session; for faults in the words, of sessions in which a turn states it."""
    found = [p for p in places(job, lambda n: n == "goal" or n.startswith("goal.")) if p.turn is None]
    if job.kind == "label":
        return as_units(found)
    return [
        Unit(session=p.session, turn=turns[0], name=p.name, place=p, detail=turns)
        for p in found
        if (turns := goal_turns(job, p.session))
    ]


def goal_turns(job: Job, session: int) -> list[int]:
    """Turns that state the goal: by their core act in our own sessions, else the user's first."""
    turns = job.run.sessions[session].turns
    stating = [i for i, t in enumerate(turns) if t.speaker == "user" and t.labels.get("core_act") == "state_goal"]
    if stating or job.run.sessions[session].authored:
        return stating
    return [i for i, t in enumerate(turns) if t.speaker == "user"][:1]


def goal_make(job: Job, draft: Draft, unit: Unit, rng: np.random.Generator) -> list[Edit] | None:
    """Another goal: in the record, or in the words of every turn that states it."""
    assert unit.place is not None
    if job.kind == "label":
        return swap_label(job, draft, unit, rng)
    value = job.wrong(unit.place, rng)
    if value is None or not all(draft.is_open(t) for t in unit.detail):
        return None
    said: list[tuple[int, str]] = []
    for turn in unit.detail:
        wrong = {**draft.session.turns[turn].labels, unit.place.name: value}
        text = worded(job, draft, unit.place, (turn, value, wrong), rng)
        if text is None or text == draft.text(turn):
            return None
        said.append((turn, text))
    return [edit for turn, text in said for edit in draft.set_text(turn, text, unit.place.name)]


def shuffle_units(job: Job) -> list[Unit]:
    """As act_swap."""
    return act_units(job)


def shuffle_prepare(job: Job, chosen: list[Unit], rng: np.random.Generator) -> None:
    """Permute the values of the chosen labels within each group, so that no label keeps its own where that can be."""
    groups: dict[Any, list[Place]] = {}
    for unit in chosen:
        if unit.place is not None:
            groups.setdefault(job.run.group(unit.place), []).append(unit.place)
    for group in sorted(groups):
        found = sorted(groups[group], key=lambda p: (job.run.sessions[p.session].id, p.turn or 0))
        order = derangement([key_of(p.value) for p in found], rng)
        for place, source in zip(found, order, strict=True):
            job.given[place.key] = found[source].raw


def derangement(keys: list[str], rng: np.random.Generator) -> list[int]:
    """A permutation under which as few items as can be keep their value: none when no value has more than half.

    Sorted by value and rotated by the size of the largest group no item meets its own value; random exchanges that keep
    it so then mix the pairs. Returns, for each item, the position its new value comes from.
    """
    n = len(keys)
    shuffled = rng.permutation(n).tolist()
    sizes = Counter(keys)
    rank = {k: r for r, k in enumerate(rng.permutation(sorted(sizes)).tolist())}
    order = sorted(shuffled, key=lambda i: rank[keys[i]])
    step = max(sizes.values(), default=0)
    source = [0] * n
    for at, item in enumerate(order):
        source[item] = order[(at + step) % n]
    for a, b in rng.integers(n, size=(4 * n, 2)).tolist() if n > 1 else []:
        if keys[source[b]] != keys[a] and keys[source[a]] != keys[b]:
            source[a], source[b] = source[b], source[a]
    return source


LABEL_OPERATORS = (
    Operator(
        name="act_swap",
        means="another act, uniform over those of the run, or the one most often taken for it; in words: by the model, "
        "or in foreign sessions by another session's turn that has it",
        breaks="act and core_act; with --label any categorical label",
        kinds=("label", "text", "systematic"),
        scope="label",
        units=act_units,
        make=act_make,
        model=("text", "systematic"),
    ),
    Operator(
        name="slot_swap",
        means="another value of the same slot, in the record or in the words",
        breaks="slots.*; with --label any label whose value is said",
        kinds=("label", "text", "systematic"),
        scope="label",
        units=slot_units,
        make=slot_make,
    ),
    Operator(
        name="goal_swap",
        means="another goal, in the record or in the words that state it",
        breaks="goal",
        kinds=("label", "text", "systematic"),
        scope="label",
        units=goal_units,
        make=goal_make,
        model=("text", "systematic"),
    ),
    Operator(
        name="label_shuffle",
        means="labels permuted within the run, so that none keeps its value where that can be",
        breaks="act and core_act; with --label any categorical label",
        kinds=("label",),
        scope="label",
        units=shuffle_units,
        make=act_make,
        prepare=shuffle_prepare,
    ),
)
"""Operators whose recall is counted per label."""

__all__ = ["LABEL_OPERATORS", "derangement", "draw_pairs"]
