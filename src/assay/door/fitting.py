"""init: a blueprint to start from, written from a bundled one or with a policy fitted from labelled sessions."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assay.authoring.blueprints import find_blueprint, parse_blueprint
from assay.authoring.fitting import FittedPolicy, fit_policy
from assay.authoring.heldout import Hand, HeldOut, hand_policy, held_out
from assay.authoring.one import author_one
from assay.authoring.parts import blueprint_text, figures, header, part_text
from assay.authoring.reweighting import RowChange, reweighted
from assay.authoring.steps import Corpus, Reading, Step, Talk, corpus_of
from assay.door.making import core_acts_of
from assay.door.sync import run_sync
from assay.errors import BadInput
from assay.importing.core_acts import acts_map_of, read_acts_map
from assay.importing.sessions import import_sessions as read_sessions
from assay.records.base import rounded
from assay.records.blueprint import Blueprint
from assay.records.session import Session
from assay.records.storage import atomic_write
from assay.runs.engine import Progress, silent
from assay.simulation.assistants import reference_assistant
from assay.simulation.one import Parts, simulate_one

HAND_WRITTEN = "returns"
"""Bundled blueprint whose policy people are compared with when no other is named."""
HAND_SESSIONS = 400
"""Sessions from which a hand-written policy's shares over core acts are counted."""
SERVICES = "services"
"""Session label by whose values sessions are held out together, where all sessions have it."""


def init(
    out: str | Path = "blueprint.yaml", *, like: str | Path | None = None,
    sessions: str | Path | Sequence[str | Path] = (), acts: str | Path | None = None, services: str | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """Write a blueprint to start from, or one whose policy is fitted from labelled sessions; returns what was done.

    Without `sessions` the blueprint `like` (default returns) is copied. With `sessions` and `like` its policy's shares
    are moved to those of the people in the sessions; with `sessions` alone a part is written: `policy:` and `priors:`
    over core acts. `acts` is a map of the sessions' acts (YAML) for sets that assay does not know; `services` the
    session label by which sessions are held out together (default `services`, where all have it). The same input gives
    the same bytes; nothing of the sessions' texts is written.

    Raises BadInput when `out` is there already, BadSessions for sessions that nothing can be fitted from, BadBlueprint.
    """
    target = Path(out)
    if target.exists():
        raise BadInput("the file is there already", where=str(target), now="choose another name")
    paths = [sessions] if isinstance(sessions, str | Path) else list(sessions)
    if not paths:
        if acts is not None or services is not None:
            raise BadInput("a map of acts or services, but no sessions", now="name the sessions with --from FILE")
        _write(target, find_blueprint(like or HAND_WRITTEN).read_text(encoding="utf-8"))
        return {"file": str(target)}
    path = find_blueprint(like or HAND_WRITTEN)
    source = path.read_text(encoding="utf-8")
    blueprint = parse_blueprint(source, str(path))
    corpus = read_corpus(paths, acts=acts, services=services, progress=progress)
    progress("fit", 0, 3, "held-out sessions")
    found = held_out(corpus, rivals(blueprint, corpus, moved=like is not None))
    progress("fit", 1, 3, "policy")
    policy = fit_policy(corpus)
    changes: list[RowChange] = []
    if like is None:
        text = part_text(corpus, policy, found)
    else:
        blueprint, changes = reweighted(blueprint, corpus.talks, corpus.acts)
        text = blueprint_text(source, blueprint, changes, header(corpus, policy, found))
        parse_blueprint(text, str(target))
    progress("fit", 2, 3, "writing")
    _write(target, text)
    progress("fit", 3, 3)
    made = _summary(target, corpus, policy, found, changes)
    return made | {"words": _words(target, corpus, figures(found), changes)}


def read_corpus(
    sessions: Sequence[str | Path], *, acts: str | Path | None = None, services: str | None = None,
    given: str | None = None, progress: Progress = silent,
) -> Corpus:  # fmt: skip
    """Labelled session files as core acts; assistant turns without labels are read by the shipped reader.

    `acts`: a map file for all of them; else the shipped map of each session's source. Raises BadSessions, BadInput.
    """
    files = [Path(p) for p in sessions]
    own = read_acts_map(acts) if acts is not None else None
    loaded = []
    for session in read_sessions(files):
        loaded.append(session)
        if len(loaded) % 500 == 0:
            progress("read", len(loaded), len(loaded) + 1)
    progress("read", len(loaded), len(loaded))
    if services is None and all(SERVICES in s.session_labels for s in loaded):
        services = SERVICES
    _check_services(loaded, services)
    reading = Reading(
        map_of=acts_map_of if own is None else lambda _: own, read=core_acts_of, services=services, given=given
    )
    return corpus_of(loaded, reading)


def _check_services(sessions: Sequence[Session], services: str | None) -> None:
    """Raises BadInput for a label that no session has."""
    if services is not None and not any(services in s.session_labels for s in sessions):
        have = ", ".join(sorted({name for s in sessions for name in s.session_labels})) or "none"
        raise BadInput(f"no session has the label {services!r}", now=f"session labels: {have}")


def rivals(blueprint: Blueprint, corpus: Corpus, *, moved: bool) -> dict[str, Hand]:
    """What a fitted policy is compared with: the blueprint's as written and, if asked, moved to the training sessions.

    `corpus`: the sessions that they are compared on.
    """
    acts, slots = corpus.acts, corpus.slots_named

    def again(train: Sequence[Talk]) -> FittedPolicy:
        return hand_policy(simulated_talks(reweighted(blueprint, train, acts)[0], HAND_SESSIONS), slots)

    written = hand_policy(simulated_talks(blueprint, HAND_SESSIONS), slots)
    made: dict[str, Hand] = {f"hand-written ({blueprint.name})": written}
    return made | ({f"{blueprint.name} moved": again} if moved else {})


def simulated_talks(blueprint: Blueprint, n: int, seed: int = 0) -> list[Talk]:
    """What a blueprint's policy does in n of its own sessions, as core acts: template words, reference assistant."""
    parts = Parts(assistant=lambda s, rng: reference_assistant(blueprint, s, rng), say=None)

    async def all_of_them() -> list[Session]:
        return [await simulate_one(blueprint, author_one(blueprint, seed, i), parts) for i in range(n)]

    return [_talk(blueprint, session) for session in run_sync(all_of_them())]


def _talk(blueprint: Blueprint, session: Session) -> Talk:
    """A session that assay made, as core acts: the user's as labelled, the assistant's from its own act."""
    return Talk(session=session.id, steps=tuple(_steps(blueprint, session)))


def _steps(blueprint: Blueprint, session: Session) -> Iterator[Step]:
    for turn in session.turns:
        if turn.speaker == "user":
            slots = frozenset(turn.labels.get("slots", ()))
            yield Step(party="user", acts=frozenset([turn.labels["core_act"]]), tells=slots)
        elif (act := turn.extra.get("act")) is not None:
            spec = blueprint.assistant_acts[act]
            asks = frozenset([spec.asks] if spec.asks else ())
            yield Step(party="assistant", acts=frozenset([spec.like]), asks=asks)


def _write(path: Path, text: str) -> None:
    atomic_write(path, text.encode("utf-8"))


def _summary(
    path: Path, corpus: Corpus, policy: FittedPolicy, found: HeldOut, changes: Sequence[RowChange]
) -> dict[str, Any]:
    """The JSON object of a fit."""
    made: dict[str, Any] = rounded(
        {
            "file": str(path),
            "sessions": corpus.sessions,
            "labelled_sessions": len(corpus.talks),
            "user_turns": corpus.user_turns,
            "fitted_turns": policy.turns,
            "read_assistant_turns": corpus.read_turns,
            "sources": dict(sorted(corpus.sources.items())),
            "licences": dict(sorted(corpus.licences.items())),
            "acts": list(policy.acts),
            "held_out": found.row(),
            "rows": [
                {"row": c.row, "turns": c.turns, "before": c.before, "after": c.after, "left": c.left,
                 "people_also": c.missing}
                for c in changes
            ],
        }
    )  # fmt: skip
    return made


def _words(path: Path, corpus: Corpus, lines: Sequence[str], changes: Sequence[RowChange]) -> list[str]:
    """What was done and what to do next, for people."""
    said = [f"{len(corpus.talks)} labelled sessions of {corpus.sessions}, {corpus.user_turns} user turns"]
    if corpus.silent_turns:
        said.append(f"{corpus.silent_turns} user turns name no core act: heard, not fitted")
    if corpus.read_turns:
        said.append(f"{corpus.read_turns} assistant turns without labels were read by the reader of core acts")
    said += lines
    if not changes:
        said.append(f"{path} written: a part with `policy:` and `priors:` over core acts")
        said.append("next: put your own acts in their place; or add --like BLUEPRINT to move that blueprint's shares")
        return said
    moved = [c for c in changes if not c.left]
    said += [f"  row {c.row}: {c.turns:.0f} turns, largest change of a share {c.moved:.2f}" for c in moved]
    if not moved:
        named = ", ".join(corpus.acts)
        said.append(f"no row of the policy chooses between two acts that the labels name ({named}): nothing to move")
    said.append(f"{path} written: {len(moved)} of {len(changes)} rows of the policy moved to people's shares")
    said.append(f"next: assay lint {path}, then: assay run {path} --out runs/fitted -n 20 --seed 1 --model template")
    return said
