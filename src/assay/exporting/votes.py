"""Labels as votes for other tools: crowd-kit's CSV, and Label Studio's tasks."""

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from assay.records import Label, Session
from assay.records.label import key_of

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run as a formula by spreadsheets; it gets an apostrophe in front."""


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula. Numbers stay."""
    if not cell.startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def crowdkit_csv(labels: Iterable[Label], tiers: Collection[str]) -> str:
    """`task,worker,label` with a row a reading: the value that was authored or given, and what a reader read.

    The task is `session/turn/name`.
    """
    rows = []
    for label in labels:
        if label.tier not in tiers:
            continue
        task = f"{label.session}/{'' if label.turn is None else label.turn}/{label.name}"
        for worker in ("authored", "realised", "read"):
            if (value := getattr(label, worker)) is not None:
                rows.append((task, worker, key_of(value)))
        if label.authored is None and label.source != "authored":
            rows.append((task, label.source, key_of(label.value)))
    return _csv(("task", "worker", "label"), rows)


def label_studio_rows(
    sessions: Sequence[Session], labels: Mapping[str, Sequence[Label]], tiers: Collection[str]
) -> Iterator[dict[str, Any]]:
    """One task a session, as Label Studio imports JSON: the dialogue, and the labels as predictions to be checked.

    For a configuration with `<Paragraphs name="dialogue" value="$dialogue" layout="dialogue"/>` and a `<Choices>` per
    label name; a turn's labels are regions of that paragraph.
    """
    for session in sessions:
        kept = [x for x in labels.get(session.id, ()) if x.tier in tiers]
        yield {
            "data": {"id": session.id, "dialogue": [{"author": t.speaker, "text": t.text} for t in session.turns]},
            "predictions": [{"model_version": "assay", "result": [_region(x, session) for x in kept]}],
        }


def _region(label: Label, session: Session) -> dict[str, Any]:
    values = list(label.value) if isinstance(label.value, list | tuple) else [label.value]
    made: dict[str, Any] = {
        "id": label.id[:12], "from_name": label.name.replace(".", "_"), "to_name": "dialogue", "type": "choices",
        "score": label.rank_score, "value": {"choices": [key_of(v) for v in values]},
        "meta": {"tier": label.tier, "source": label.source, "reasons": list(label.reasons)},
    }  # fmt: skip
    if label.turn is not None:
        text = session.turns[label.turn].text
        made["value"] |= {"start": str(label.turn), "end": str(label.turn), "startOffset": 0, "endOffset": len(text)}
    return made


def _csv(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([safe(c) for c in row] for row in rows)
    return out.getvalue()


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(r, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n" for r in rows)
