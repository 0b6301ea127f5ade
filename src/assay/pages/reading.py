"""What a report needs of a run folder, read once; files that are not there yet are missing, not empty."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.errors import BadInput
from assay.records import Label, Scenario, Session, Verdict
from assay.records.storage import TABLES, read
from assay.records.yaml_text import load_yaml

READING = frozenset({"LB01", "LB02", "LB06", "CO01", "CO03"})
"""Checks that read the value (METHODS 10): only these make an independent reader."""
APPLIES = frozenset({"supported", "contradicted", "not_evidenced"})
"""Statuses with which a check has said something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A run folder as the report sees it. None stands for a file that was not made yet."""

    directory: Path
    run: dict[str, Any] | None
    blueprint: dict[str, Any] | None
    """The mapping of blueprint.yaml, as written."""
    scenarios: list[Scenario] | None
    sessions: list[Session] | None
    labels: list[Label] | None
    power: dict[str, Any] | None
    certificate: dict[str, Any] | None
    usage: dict[str, Any] | None
    judges: dict[str, Any] | None = None
    """What planted wrong labels say of the language models that read; only where one did."""

    @property
    def missing(self) -> list[str]:
        """Names of the files that were not made yet."""
        parts = {"run.json": self.run, "sessions": self.sessions, "labels": self.labels, "power.json": self.power,
                 "certificate.json": self.certificate, "usage.json": self.usage}  # fmt: skip
        return [name for name, value in parts.items() if value is None]


@dataclass(slots=True)
class Said:
    """What the checks said: counts of all verdicts, and the verdicts themselves of the sessions that are shown."""

    counts: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """(check, annotator) -> status -> verdicts."""
    readers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Label name -> independent checks that read it somewhere."""
    why_not: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Label name -> reason of not_applicable and unparsed -> verdicts."""
    faults: list[Verdict] = field(default_factory=list)
    """Every verdict of the checks BR01 to BR05, whose counts the headline gives."""
    kept: dict[str, list[Verdict]] = field(default_factory=lambda: defaultdict(list))
    """Session -> its verdicts, of the sessions that are shown."""


def read_run(directory: Path) -> Made:
    """Read what is there. Raises BadInput when the folder holds nothing of a run, or a file that cannot be read."""
    if not directory.is_dir():
        raise BadInput(
            "no such run folder", where=str(directory), now="give the folder that `assay run --out DIR` wrote"
        )
    made = Made(
        directory=directory,
        run=json_of(directory / "run.json"),
        blueprint=yaml_of(directory / "blueprint.yaml"),
        scenarios=_rows(directory, "scenarios"),
        sessions=_rows(directory, "sessions"),
        labels=_rows(directory, "labels"),
        power=json_of(directory / "power.json"),
        certificate=json_of(directory / "certificate.json"),
        usage=json_of(directory / "usage.json"),
        judges=json_of(directory / "judges.json"),
    )
    if made.run is None and made.sessions is None and made.scenarios is None:
        raise BadInput("not a run folder: no run.json, scenarios or sessions", where=str(directory),
                       now="give the folder that `assay run --out DIR` or `assay audit --out DIR` wrote")  # fmt: skip
    return made


def read_verdicts(directory: Path, shown: Collection[str]) -> Said | None:
    """Count all verdicts and keep those of the sessions that are shown; None when they were not made yet."""
    if not _there(directory, "verdicts"):
        return None
    said = Said()
    for verdict in _stream(directory):
        said.counts[verdict.code, verdict.by][verdict.status] += 1
        if verdict.code.startswith("BR"):
            said.faults.append(verdict)
        if verdict.name is not None:
            reads = verdict.independent and not verdict.guard and verdict.code in READING
            if reads and verdict.status in APPLIES:
                said.readers[verdict.name].add(verdict.code)
            if verdict.status not in APPLIES:
                said.why_not[verdict.name][verdict.reason or verdict.status] += 1
        if verdict.session in shown:
            said.kept[verdict.session].append(verdict)
    return said


def _stream(directory: Path) -> Iterator[Verdict]:
    yield from read(directory, "verdicts")


def _there(directory: Path, table: str) -> bool:
    return any((directory / f"{table}{suffix}").exists() for suffix in (".jsonl", ".jsonl.gz", ""))


def _rows(directory: Path, table: str) -> list[Any] | None:
    assert table in TABLES
    return list(read(directory, table)) if _there(directory, table) else None


def json_of(path: Path) -> dict[str, Any] | None:
    """The object of a JSON file, or None where there is no file. Raises BadInput for any other content."""
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path.name} cannot be read: {error}", where=str(path.parent), now="make that stage again"
        ) from error
    if not isinstance(found, dict):
        raise BadInput(f"{path.name} is not one JSON object", where=str(path.parent), now="make that stage again")
    return found


def yaml_of(path: Path) -> dict[str, Any] | None:
    """The mapping of a YAML file, or None where there is none. Raises BadInput for a file that cannot be read."""
    if not path.exists():
        return None
    import yaml

    try:
        found = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadInput(f"blueprint.yaml cannot be read: {error}", where=str(path.parent)) from error
    return found if isinstance(found, dict) else None
