"""What attributes are about: which of them share a meaning, and which pairs of values contradict each other (AU02)."""

import re
from collections.abc import Iterator
from itertools import combinations

from assay.authoring.priors import every_attribute
from assay.records.blueprint import Blueprint
from assay.records.blueprint_parts import Attribute, Slot

REFERENCE_YEAR = 2026
"""Year against which a birth year is turned into an age; SLACK covers other years and days within one."""
SLACK = 4

NAMES = {
    "age": frozenset(("age", "ages", "birth", "birthday", "birthdate", "birthyear", "born", "dob")),
    "gender": frozenset(("gender", "sex", "pronoun", "pronouns")),
}
"""Meaning -> words in an attribute's name, or in a slot's words, that give it away."""

AGES = {
    "child": (0, 12), "teenager": (13, 19), "young adult": (18, 39), "adult": (18, 120), "middle-aged": (35, 65),
    "older adult": (55, 120), "senior": (60, 120), "pensioner": (60, 120),
}  # fmt: skip
"""Age words -> years, wide on purpose: only clear contradictions are reported."""
GENDERS = {
    "woman": "f", "female": "f", "girl": "f", "she": "f", "man": "m", "male": "m", "boy": "m", "he": "m",
    "non-binary person": "n", "non-binary": "n", "they": "n",
}  # fmt: skip

Span = tuple[float, float]


def values_of(attribute: Attribute) -> list[str]:
    """Every value with a positive probability, conditional ones included."""
    tables = [attribute.values or {}, *(attribute.when or {}).values()]
    return list(dict.fromkeys(v for table in tables for v, p in table.items() if p > 0))


def meaning(name: str, attribute: Attribute) -> str | None:
    """age, gender or None: by the words of its name, else by its values when all of them are such words."""
    label = name.rsplit(".", 1)[1] + (f" {attribute.words}" if isinstance(attribute, Slot) else "")
    words = set(re.findall(r"[a-z]+", label.lower().replace("_", " ")))
    for group, names in NAMES.items():
        if words & names:
            return group
    values = [v.lower() for v in values_of(attribute) if v]
    if len(values) > 1 and all(v in AGES or re.fullmatch(r"\d+ (or|and) (older|over)|under \d+", v) for v in values):
        return "age"
    return "gender" if len(values) > 1 and all(v in GENDERS for v in values) else None


def years(value: str) -> Span | None:
    """The ages that a value stands for: age words, `18 to 29`, `70 or older`, `under 18`, `41`, or a birth year."""
    plain = value.lower().strip()
    if plain in AGES:
        return AGES[plain]
    if found := re.fullmatch(r"(\d{1,3}) ?(?:to|-|–) ?(\d{1,3})", plain):
        return float(found[1]), float(found[2])
    if found := re.fullmatch(r"(\d{1,3}) (?:or|and) (?:older|over)|over (\d{1,3})", plain):
        return float(found[1] or found[2]), 120
    if found := re.fullmatch(r"under (\d{1,3})|(\d{1,3}) or younger", plain):
        return 0, float(found[1] or found[2])
    if found := re.search(r"\b((?:19|20)\d\d)\b", plain):
        age = REFERENCE_YEAR - int(found[1])
        return age - SLACK, age + SLACK
    return (float(plain), float(plain)) if re.fullmatch(r"\d{1,3}", plain) else None


def contradict(group: str, one: str, other: str) -> bool:
    """Whether two values cannot hold of one person; False for values that are not understood."""
    if group == "gender":
        a, b = GENDERS.get(one.lower()), GENDERS.get(other.lower())
        return a is not None and b is not None and a != b
    a_years, b_years = years(one), years(other)
    if a_years is None or b_years is None:
        return False
    return a_years[0] > b_years[1] or b_years[0] > a_years[1]


def contradictions(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """(field, message) for each pair of attributes of one meaning that can be drawn against each other."""
    drawn = every_attribute(blueprint)
    attributes = dict(sorted(drawn.items(), key=lambda item: not item[0].startswith("context.")))
    groups = {name: meaning(name, attribute) for name, attribute in attributes.items()}
    for one, other in combinations(attributes, 2):
        group = groups[one]
        if group is None or groups[other] != group:
            continue
        if any(one in rule.forbid and other in rule.forbid for rule in blueprint.constraints):
            continue
        late, early = (one, other) if attributes[one].given == other else (other, one)
        if attributes[late].given == early:
            yield from _clashes(group, late, attributes[late], early, attributes[early])
        elif not _tied(one, other, attributes, groups):
            declared = dict(blueprint.attributes())
            field, partner = (one, other) if one in declared else (other, one)
            yield field, f"says something about {group}, as {partner} does, but is drawn without it: use `given`"


def _tied(one: str, other: str, attributes: dict[str, Attribute], groups: dict[str, str | None]) -> bool:
    """Whether one hangs on the other, or both on a third of the same meaning, by chains of `given`."""

    def chain(name: str) -> list[str]:
        found = [name]
        while (given := attributes[found[-1]].given) in attributes and given not in found:
            assert given is not None
            found.append(given)
        return found

    shared = [name for name in chain(one) if name in chain(other)]
    return any(groups[name] == groups[one] for name in shared)


def _clashes(group: str, late: str, child: Attribute, early: str, parent: Attribute) -> Iterator[tuple[str, str]]:
    """Contradictory cells of one conditional table."""
    table = child.when or {}
    for value in values_of(parent) or list(table):
        for drawn, share in (table.get(value) or table.get("else") or {}).items():
            if share > 0 and contradict(group, value, drawn):
                yield f"{late}.when.{value}", f"{drawn!r} contradicts {early} = {value!r}"
