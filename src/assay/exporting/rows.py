"""One session of a run as one row of a dataset: what was said, and every label with how far it can be trusted."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from assay.records import Label, Session
from assay.records.base import rounded
from assay.records.label import key_of

TIERS = ("certified", "provisional", "suspect", "rejected")
"""All tiers, most trusted first."""


def session_form(session: Session, labels: Sequence[Label], tiers: Collection[str], *, private: bool) -> dict[str, Any]:
    """A row in the session form (INTERFACE, Files), which `assay import sessions` reads back.

    Labels of the wanted tiers stand in `labels` and `session_labels` by their flattened names; beside them `tiers` and
    `session_tiers` give the source, distribution, tier, scores, evidence and identifiable-from turn of each.
    `labels_left_out` counts the others.
    """
    by_turn = _by_turn(labels, tiers)
    turns = []
    for number, turn in enumerate(session.turns):
        own = by_turn.get(number, [])
        row: dict[str, Any] = {"speaker": turn.speaker, "text": turn.text}
        row |= {
            k: v
            for k, v in turn.row().items()
            if k in ("tool_calls", "tool_call_id", "name", "time", "realised_by") and v is not None
        }
        turns.append({**row, "labels": {x.name: x.value for x in own}, "tiers": {x.name: evidence_of(x) for x in own}})
    whole = by_turn.get(None, [])
    row = {
        k: v
        for k, v in session.row().items()
        if k in ("id", "source", "licence", "split", "language") and v is not None
    }
    row |= {"mode": session.mode, "end": session.end, "scenario_hash": session.scenario_hash}
    row["session_labels"] = {x.name: x.value for x in whole}
    row["session_tiers"] = {x.name: evidence_of(x) for x in whole}
    if private:
        row["private"] = session.row()["private"]
    return {**row, "turns": turns, "labels_left_out": sum(x.tier not in tiers for x in labels)}


def table_form(session: Session, labels: Sequence[Label], tiers: Collection[str], *, private: bool) -> dict[str, Any]:
    """The same row with one fixed set of columns: names are values of a column, never columns themselves.

    Values are text: themselves when strings, else their JSON.
    """
    by_turn = _by_turn(labels, tiers)
    return {
        "id": session.id,
        "source": session.source,
        "licence": session.licence,
        "language": session.language,
        "mode": session.mode,
        "end": session.end,
        "scenario_hash": session.scenario_hash,
        "labels": [_entry(x) for x in by_turn.get(None, [])],
        "turns": [
            {
                "turn": number,
                "speaker": turn.speaker,
                "text": turn.text,
                "realised_by": turn.realised_by,
                "labels": [_entry(x) for x in by_turn.get(number, [])],
            }
            for number, turn in enumerate(session.turns)
        ],
        "private": [
            {"party": party, "fact": fact, "value": key_of(value)}
            for party, facts in (session.private.items() if private else ())
            for fact, value in facts.items()
        ],
        "labels_left_out": sum(x.tier not in tiers for x in labels),
    }


def _by_turn(labels: Sequence[Label], tiers: Collection[str]) -> Mapping[int | None, list[Label]]:
    found: dict[int | None, list[Label]] = {}
    for label in labels:
        if label.tier in tiers:
            found.setdefault(label.turn, []).append(label)
    return found


def evidence_of(label: Label) -> dict[str, Any]:
    """Where a label comes from and what speaks for it: source, distribution, tier, scores, verdicts."""
    return dict(
        rounded(
            {
                "tier": label.tier, "rank_score": label.rank_score, "trust": label.trust,
                "trust_basis": label.trust_basis, "source": label.source, "distribution": label.distribution,
                "evidence": dict(sorted(label.verdicts.items())),
                "identifiable_from_turn": label.identifiable_from_turn,
            }
        )
    )  # fmt: skip


def _entry(label: Label) -> dict[str, Any]:
    found = evidence_of(label)
    tables = {k: json.dumps(found.pop(k), ensure_ascii=False, sort_keys=True) for k in ("distribution", "evidence")}
    start = {"name": label.name, "value": key_of(label.value), "kind": label.kind}
    return {**start, **found, **tables, "reasons": list(label.reasons)}
