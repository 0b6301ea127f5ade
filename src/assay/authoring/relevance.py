"""How much each row of a catalogue is worth to one user: graded before any text exists, from wishes and taste."""

from collections.abc import Mapping

from assay.records.blueprint import Blueprint
from assay.records.conditions import holds

GRADES = 4
"""Highest grade; the lowest is 0."""


def relevance_of(
    blueprint: Blueprint, goal: str, slots: Mapping[str, str], profile: Mapping[str, object]
) -> dict[str, int]:
    """Title -> grade, 0 to 4, of every row; empty where the blueprint grades none.

    Grade = 4 (weights of the wishes that the row fits + weights of the tastes that it meets) / (weights of all wishes
    that this user has + of all tastes that are theirs), rounded down, so that 4 means that everything fits. Where the
    user has one row in mind, that row has grade 4 and every other 0.
    """
    spec, title = blueprint.world.relevance, blueprint.world.title
    if spec is None or title is None:
        return {}
    rows = blueprint.world.rows
    if spec.names is not None and spec.names in slots and spec.names in blueprint.goals[goal].tell:
        return {row[title]: GRADES if row[title] == slots[spec.names] else 0 for row in rows}
    view = {"goal": goal, **{f"profile.{k}": v for k, v in profile.items()}}
    wishes = {slot: weight for slot, weight in spec.wishes.items() if slot in slots}
    tastes = [t for t in spec.taste if holds(t.when, view)]
    whole = sum(wishes.values()) + sum(t.weight for t in tastes)
    if not whole:
        return {row[title]: 0 for row in rows}
    grades = {}
    for row in rows:
        worth = sum(weight for slot, weight in wishes.items() if row.get(slot) == slots[slot])
        worth += sum(t.weight for t in tastes if all(row.get(c) in values for c, values in t.likes.items()))
        # the sums are of the same few weights; 1e-9 keeps a full match from falling below 4
        grades[row[title]] = int(GRADES * worth / whole + 1e-9)
    return grades
