"""What is trained on and what is held out: licences, splits by dialogue and by service, and the leaks between them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.errors import BadInput, BadSessions
from assay.learning import data
from assay.learning.data import HumanSession
from assay.learning.session_form import SessionForm
from assay.learning.sft_config import DataSource, SftPlan
from assay.records.base import digest

OPEN = re.compile(
    r"^(CC0(-1\.0)?|CC-BY(-SA)?-[1-4]\.0|MIT|Apache-2\.0|BSD-[23]-Clause|ODC-By-1\.0|ODbL-1\.0|PDDL-1\.0|Unlicense)"
    r"(\s*\(.*\))?$",
    re.I,
)
"""Licences that allow training and passing on, with nothing but a remark in brackets behind."""
NOT_OPEN = re.compile(r"non-?commercial|\bNC\b|-NC|-ND|\bno\b|\bnone\b|unknown", re.I)
"""Words that make a licence doubtful even in its remark."""
READ = {"sgd": data.read_sgd, "camrest": data.read_camrest, "persuasion": data.read_persuasion}
LEAST_TO_COMPARE = 3
"""User turns from which two sessions with the same words count as one dialogue; shorter ones can agree by chance."""


@dataclass(slots=True)
class Share:
    """What one file gives."""

    file: str
    sha256: str
    licences: Counter[str] = field(default_factory=Counter)
    """Licence -> sessions."""
    train: list[HumanSession] = field(default_factory=list)
    held_out: list[HumanSession] = field(default_factory=list)
    left_out: int = 0
    """Sessions that are neither: without a known act, or held out of a service that is trained on."""
    new_services: bool = True
    """Whether the held-out sessions are of services that are never trained on."""

    def row(self) -> dict[str, Any]:
        """Counts, for the card and the summary."""

        def turns(sessions: Sequence[HumanSession]) -> int:
            return sum(len(s.turns) for s in sessions)

        return {
            "file": self.file, "sha256": self.sha256, "licences": dict(self.licences),
            "train": len(self.train), "train_turns": turns(self.train),
            "held_out": len(self.held_out), "held_out_turns": turns(self.held_out), "left_out": self.left_out,
            "held_out_services": "new" if self.new_services else "known",
        }  # fmt: skip


@dataclass(slots=True)
class Corpus:
    """All that a training run reads."""

    shares: list[Share]

    @property
    def train(self) -> list[HumanSession]:
        """Sessions that are trained on."""
        return [s for share in self.shares for s in share.train]

    def groups(self) -> dict[str, list[HumanSession]]:
        """Held-out sessions of new services and of known ones, the stricter first; empty groups are left out."""
        found = {
            "new services": [s for x in self.shares if x.new_services for s in x.held_out],
            "known services": [s for x in self.shares if not x.new_services for s in x.held_out],
        }
        return {name: sessions for name, sessions in found.items() if sessions}

    def services(self) -> list[str]:
        """Services that are trained on."""
        return sorted({name for s in self.train for name in s.services})


def is_open(licence: str) -> bool:
    """Whether a licence is known to allow training and passing on."""
    return bool(OPEN.match(licence.strip())) and not NOT_OPEN.search(licence)


def find_file(name: str, folders: Sequence[Path]) -> Path:
    """A data file in the first folder that has it. Raises BadInput when none does."""
    for folder in folders:
        path = folder / name
        if path.is_file():
            return path
    looked = ", ".join(str(f) for f in folders)
    raise BadInput(f"no data file {name}", where=looked, now="mend `file`, or name the folder with --data")


def read_corpus(plan: SftPlan, folders: Sequence[Path], sha256: Callable[[Path], str]) -> Corpus:
    """Read every file of a plan and keep the two sides apart.

    Raises BadInput for a missing file, a licence that is not open and not allowed, an unknown split, a dialogue or a
    service on both sides, and for nothing to train on or to measure with; BadSessions for a file of another form.
    """
    shares = []
    for i, source in enumerate(plan.data):
        path = find_file(source.file, folders)
        share = Share(source.file, sha256(path), new_services=source.services != "shared")
        _fill(share, source, path)
        _licensed(share, plan, f"{path} (data.{i})")
        shares.append(share)
    corpus = Corpus(shares)
    _apart(corpus, plan)
    if not corpus.train:
        raise BadInput("nothing to train on", now="name splits in `train`, and a label with known acts in `act`")
    if not corpus.groups():
        raise BadInput(
            "no session is held out, so nothing would show whether the adapter learned anything",
            now="name splits or a share in `held_out`, or set `services: shared` where a set has one service only",
        )
    return corpus


def _fill(share: Share, source: DataSource, path: Path) -> None:
    """Sessions of one file by side."""
    by_split = _by_split(source, path)
    named = (*(source.train or ()), *(source.held_out if isinstance(source.held_out, tuple) else ()))
    if unknown := [s for s in named if s not in by_split]:
        raise BadInput(
            f"{path.name} has no split {', '.join(unknown)}", where=str(path),
            now=f"its splits are {', '.join(sorted(by_split)) or 'none: set `train: null` and a share in `held_out`'}",
        )  # fmt: skip
    everything = [s for sessions in by_split.values() for s in sessions]
    if isinstance(source.held_out, float):
        train, held = _share_out(everything, source.held_out, by_service=share.new_services)
    else:
        held = [s for name in source.held_out for s in by_split[name]]
        kept = source.train if source.train is not None else [n for n in by_split if n not in source.held_out]
        train = [s for name in kept for s in by_split[name]]
    share.licences = Counter(s.licence or source.licence or "" for s in (*train, *held))
    share.train = [s for s in train if s.turns]
    share.held_out = [s for s in held if any(t.target for t in s.turns)]
    share.left_out = len(train) + len(held) - len(share.train) - len(share.held_out)
    if isinstance(source.held_out, float):
        share.left_out += len(everything) - len(train) - len(held)


def _by_split(source: DataSource, path: Path) -> dict[str, list[HumanSession]]:
    """Split -> sessions, empty for splits that are not asked for; a session without one is in the split of no name."""
    asked: set[str] | None = None
    if source.train is not None and isinstance(source.held_out, tuple):
        asked = {*source.train, *source.held_out}
    try:
        if source.reader == "sessions":
            form = SessionForm(source, path)
            splits: dict[str, list[HumanSession]] = {}
            names = [str(row.get("split") or "") for row in form.rows()]
            for name, session in zip(names, form.sessions(lambda row: True), strict=True):
                splits.setdefault(name, []).append(session)
            return splits
        names = sorted({str(row.get("split") or "") for row in SessionForm(source, path).rows()})
        return {n: READ[source.reader](path, n) if asked is None or n in asked else [] for n in names}
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadSessions(
            f"not in the form that the reader {source.reader} expects: {type(error).__name__} {error}",
            where=str(path), now="choose another `reader`, or `sessions` for assay's own form",
        ) from error  # fmt: skip
    except OSError as error:
        raise BadSessions(f"cannot read the file: {error}", where=str(path), now="give a *.jsonl.gz file") from error


def _share_out(
    sessions: Sequence[HumanSession], share: float, *, by_service: bool
) -> tuple[list[HumanSession], list[HumanSession]]:
    """(train, held out), drawn by digest: whole services, or single dialogues.

    A session of several services with some held out is in neither.
    """
    if not by_service:
        held = sorted(sessions, key=lambda s: digest(["held out", s.id]))[: max(1, round(share * len(sessions)))]
        names = {s.id for s in held}
        return [s for s in sessions if s.id not in names], held
    chosen: set[str] = set()
    for name in sorted({n for s in sessions for n in s.services}, key=lambda n: digest(["held out", n])):
        if sum(bool(s.services) and set(s.services) <= chosen for s in sessions) >= share * len(sessions):
            break
        chosen.add(name)
    train = [s for s in sessions if not chosen & set(s.services)]
    return train, [s for s in sessions if s.services and set(s.services) <= chosen]


def _licensed(share: Share, plan: SftPlan, where: str) -> None:
    for licence, count in share.licences.items():
        if licence in plan.allow_licences or is_open(licence):
            continue
        stated = repr(licence) if licence else "none stated"
        raise BadInput(
            f"the licence of {count} sessions does not clearly allow training: {stated}", where=where,
            now=f"leave the file out, or add {licence!r} to `allow_licences` if you may use it",
        )  # fmt: skip


def _dialogue(session: HumanSession, file: str) -> str:
    """What names the dialogue a session is from: single turns of one dialogue have its id and a number."""
    name = session.id.rsplit("/", 1)[0] if session.services == ("persuasion",) else session.id
    return f"{file}: {name}"


def _words(session: HumanSession) -> str | None:
    """Digest of a session's words, None where it is too short to be told from another."""
    if len(session.turns) < LEAST_TO_COMPARE:
        return None
    return digest([[(t.assistant or "").lower(), t.text.lower()] for t in session.turns])


def _apart(corpus: Corpus, plan: SftPlan) -> None:
    """Refuse a dialogue or a service on both sides; leave out what `keep_new` leaves out."""
    ids = {_dialogue(s, x.sha256) for x in corpus.shares for s in x.train}
    words = {_words(s) for x in corpus.shares for s in x.train} - {None}
    _refuse(
        (f"{x.file}: {s.id}" for x in corpus.shares for s in x.held_out
         if _dialogue(s, x.sha256) in ids or _words(s) in words),
        "dialogues are both trained on and held out",
        "take them out of one side: a held-out loss on known dialogues shows nothing",
    )  # fmt: skip
    known = set(corpus.services())
    for share, source in zip(corpus.shares, plan.data, strict=True):
        if source.services == "shared":
            continue
        if unnamed := [s for s in share.held_out if not s.services]:
            raise BadInput(
                f"{len(unnamed)} held-out sessions name no service, e.g. {unnamed[0].id}", where=share.file,
                now="name the session label in `service`, or set `services: shared` to split by dialogue only",
            )  # fmt: skip
        if source.services == "keep_new":
            new = [s for s in share.held_out if not known & set(s.services)]
            share.left_out += len(share.held_out) - len(new)
            share.held_out = new
            continue
        _refuse(
            (f"{share.file}: {s.id} ({', '.join(sorted(known & set(s.services)))})" for s in share.held_out
             if known & set(s.services)),
            "held-out sessions are of services that are trained on",
            "set `services: keep_new` to leave them out, or `shared` to split that file by dialogue only",
        )  # fmt: skip


def _refuse(rows: Iterable[str], what: str, now: str) -> None:
    found = list(rows)
    if found:
        more = f"\n    ... and {len(found) - 5} more" if len(found) > 5 else ""
        shown = "\n    ".join(found[:5])
        raise BadInput(f"{len(found)} {what}:\n    {shown}{more}", where="data", now=now)
