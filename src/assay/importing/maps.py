"""Which party a private key belongs to, and which lists of objects are labels: what `--map FILE` says.

A map file is YAML (or JSON) with these sections, all optional:

    private:
      P1: assistant.persona     # party, or party.fact
    labels:
      acts: {acts.act: act}     # the set of `act` of a list of objects becomes the label `acts.act`

A third section, `columns`, says which column of a table is what (importing/tables.py).

Maps for the public sets that need one are shipped here and are found by the session's `source`.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.errors import BadInput
from assay.importing.tables import check_columns
from assay.records.yaml_text import load_yaml


@dataclass(frozen=True)
class SourceMap:
    """How the keys of one source are read."""

    private: dict[str, str] = field(default_factory=dict)
    """Private key -> `party` or `party.fact`."""
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    """Label holding a list of objects -> {new label name: key of the object}."""

    def over(self, other: "SourceMap") -> "SourceMap":
        """This map laid over another: its entries win."""
        return SourceMap({**other.private, **self.private}, {**other.labels, **self.labels})

    def party(self, key: str) -> tuple[str, str] | None:
        """(party, fact) of a private key; the fact is empty where the map names none."""
        if key not in self.private:
            return None
        party, _, fact = self.private[key].partition(".")
        return party, fact


SHIPPED: tuple[tuple[str, SourceMap], ...] = (
    (r"Schema-Guided Dialogue", SourceMap(labels={"acts": {"acts.act": "act"}})),
    (
        r"CamRest676",
        SourceMap(private={"user_goal_instructions": "user.instruction"}, labels={"acts": {"acts.intent": "intent"}}),
    ),
    (r"consistent-LLMs", SourceMap(private={"P1": "assistant.persona", "P2": "user.persona"})),
    (r"DiaSynth", SourceMap(private={"persona_1": "user.persona", "persona_2": "assistant.persona"})),
    (r"tau-bench", SourceMap(private={"instruction": "user.instruction", "user_id": "user.user_id"})),
    (
        r"OpenToM",
        SourceMap(private={key: f"character.{key}" for key in ("preferences", "personality", "intention")}),
    ),
)
"""(pattern searched in a session's `source`, map)."""


def shipped_map(source: str | None) -> SourceMap:
    """The shipped map for a source, empty where there is none."""
    for pattern, entry in SHIPPED:
        if source and re.search(pattern, source):
            return entry
    return SourceMap()


def read_map(path: str | Path) -> dict[str, Any]:
    """The content of a `--map` file. Raises BadInput when it is not YAML or not a map."""
    import yaml

    try:
        content = load_yaml(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"cannot read the map: {error}", where=str(path), now="write it as YAML") from error
    parse_map(content, where=str(path))
    return dict(content or {})


def parse_map(content: Any, where: str = "the map") -> SourceMap:
    """A map from its sections `private` and `labels`. Raises BadInput naming the entry that is wrong."""
    now = "sections: private: {KEY: party or party.fact}, labels: {LABEL: {NEW_NAME: key of the objects}}"
    if content is None:
        return SourceMap()
    if not isinstance(content, dict) or set(content) - {"private", "labels", "columns"}:
        raise BadInput("the map has something else than the sections private, labels and columns", where=where, now=now)
    if content.get("columns") is not None:
        check_columns(content["columns"], where)
    private, labels = content.get("private") or {}, content.get("labels") or {}
    if not isinstance(private, dict) or not isinstance(labels, dict):
        raise BadInput("private and labels must be tables", where=where, now=now)
    for key, target in private.items():
        if not isinstance(target, str) or not target.partition(".")[0].strip():
            raise BadInput(f"no party in {target!r}", where=f"{where}, private.{key}", now=now)
    for key, table in labels.items():
        if not isinstance(table, dict) or not all(isinstance(v, str) and v for v in table.values()):
            raise BadInput(f"not a table of names: {table!r}", where=f"{where}, labels.{key}", now=now)
    return SourceMap({str(k): v for k, v in private.items()}, {str(k): dict(v) for k, v in labels.items()})
