"""Which map of dialogue acts belongs to which sessions: shipped for public sets, a YAML file for others.

A map file (`assay init --from FILE --acts MAP.yaml`):

    label: acts            # turn label that holds the acts; default acts
    name: act              # where it is a list of objects: the field that names the act
    slot: slot             # ... its slot
    value: values          # ... its value or values
    acts:                  # act of the set -> core act, list of core acts, or null: says nothing
      INFORM: inform
      INFORM(dontcare): no_preference
      SMALL_TALK: null
    user: {OFFER: state_goal}        # entries for one party only; also assistant:
"""

import re
from pathlib import Path
from typing import Any

from assay.errors import BadInput
from assay.records.act_maps import ActsMap, table_of
from assay.records.core_acts import CORE_ACTS
from assay.records.session import Session
from assay.records.yaml_text import load_yaml

SHIPPED: tuple[tuple[str, ActsMap], ...] = (
    (r"Schema-Guided Dialogue", ActsMap(set="Schema-Guided Dialogue", value="values", acts=table_of("SGD"))),
    (r"CamRest676", ActsMap(set="CamRest676", name="intent", acts=table_of("CamRest"))),
    (r"PersuasionForGood", ActsMap(set="PersuasionForGood", acts=table_of("P4G"), coarse=True)),
    (r"CaSiNo", ActsMap(set="CaSiNo", label="strategies", acts=table_of("CaSiNo"), coarse=True)),
    (r"^assay blueprint ", ActsMap(set="sessions made by assay", label="core_act", as_named=True)),
)
"""(pattern searched in a session's `source`, map)."""

LABELS = ("core_act", "core_acts", "acts", "act", "dialogue_acts", "dialogue_act")
"""Turn labels looked for in sessions of an unknown set; their values are taken for core acts."""

FIELDS = frozenset({"label", "name", "slot", "value", "acts", "user", "assistant"})
EXAMPLE = "acts: {INFORM: inform, SMALL_TALK: null}; core acts: " + ", ".join(CORE_ACTS)


def shipped_acts(source: str | None) -> ActsMap | None:
    """The shipped map for a source, or None."""
    for pattern, entry in SHIPPED:
        if source and re.search(pattern, source):
            return entry
    return None


def acts_map_of(session: Session) -> ActsMap | None:
    """The map for one session: the shipped one of its source, else core acts under a usual label name, else None."""
    if (shipped := shipped_acts(session.source)) is not None:
        return shipped
    for label in LABELS:
        if any(t.speaker == "user" and t.labels.get(label) for t in session.turns):
            return ActsMap(set="other sessions", label=label, acts={name: (name,) for name in CORE_ACTS})
    return None


def read_acts_map(path: str | Path) -> ActsMap:
    """The map of a YAML file. Raises BadInput naming the entry that is wrong."""
    import yaml

    where = str(path)
    try:
        content = load_yaml(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"cannot read the map of acts: {error}", where=where, now="write it as YAML") from error
    return parse_acts_map(content, where)


def parse_acts_map(content: Any, where: str = "the map of acts") -> ActsMap:
    """A map from its YAML content. Raises BadInput naming the entry that is wrong."""
    if not isinstance(content, dict) or set(content) - FIELDS:
        odd = sorted(map(str, set(content) - FIELDS)) if isinstance(content, dict) else type(content).__name__
        raise BadInput(f"not a map of acts: {odd}", where=where, now=f"fields {', '.join(sorted(FIELDS))}; {EXAMPLE}")
    plain = {k: content[k] for k in ("label", "name", "slot", "value") if k in content}
    for key, value in plain.items():
        if not isinstance(value, str) or not value:
            raise BadInput(f"{key} is not a name: {value!r}", where=f"{where}, {key}", now="one word, e.g. label: acts")
    tables = {party: _table(content.get(party), f"{where}, {party}") for party in ("acts", "user", "assistant")}
    if not any(tables.values()):
        raise BadInput("the map names no act", where=where, now=EXAMPLE)
    parties = {party: tables[party] for party in ("user", "assistant")}
    return ActsMap(set=f"map {Path(where).name}", acts=tables["acts"], parties=parties, **plain)


def _table(value: Any, where: str) -> dict[str, tuple[str, ...]]:
    """One table of a map file."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInput("not a table of acts", where=where, now=EXAMPLE)
    made = {}
    for name, core in value.items():
        cores = () if core is None else tuple(core) if isinstance(core, list) else (core,)
        for one in cores:
            if one not in CORE_ACTS:
                raise BadInput(f"{one!r} is not a core act", where=f"{where}.{name}", now=EXAMPLE)
        made[str(name)] = cores
    return made
