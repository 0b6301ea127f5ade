"""Questions for `bench/learn/ttrl.py`: the values that people and assistants of SGD name, as session files.

Warm: dialogues of the train and dev splits, whose answers are taught. Votes: dialogues of the test split, from services
that neither has; their answers are read for measuring alone. Only the first turns are kept, so that a prompt stays
within 480 characters, and only values with many possible answers (names, dates, times, amounts, numbers): those with
fewer than four characters, and yes, no and do not care, are left out.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LEAST = 4
LONGEST = 400
"""Characters of the turns that are kept."""
NO_ANSWER = {"true", "false", "dontcare", "none", "yes"}


def rows(path: Path, splits: set[str], without: set[str]) -> Iterator[dict[str, Any]]:
    """Sessions of some splits that touch none of the services, with the told values as turn labels."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["split"] in splits and not without & set(row["session_labels"]["services"]):
                yield {
                    "id": row["id"], "licence": row["licence"], "source": row["source"], "turns": list(_turns(row)),
                }  # fmt: skip


def _turns(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    used = 0
    for turn in row["turns"]:
        used += len(turn["text"]) + 4
        if used > LONGEST:
            return
        told = {}
        for spans in turn["labels"].get("slot_spans", {}).values():
            for slot, start, end in spans:
                value = turn["text"][start:end]
                if len(value) >= LEAST and value.lower() not in NO_ANSWER:
                    told[slot] = value
        yield {"speaker": turn["speaker"], "text": turn["text"], "labels": {"slots": told}}


def prepare(shared: Path, out: Path) -> dict[str, int]:
    """Write warm.jsonl and votes.jsonl; sessions in each."""
    path = shared / "data" / "sgd.jsonl.gz"
    known = {s for split in ("train", "dev") for s in _services(path, split)}
    parts = {"warm": rows(path, {"train", "dev"}, set()), "votes": rows(path, {"test"}, known)}
    out.mkdir(parents=True, exist_ok=True)
    counts = {}
    for name, found in parts.items():
        kept = [json.dumps(r, ensure_ascii=False) for r in found]
        (out / f"{name}.jsonl").write_text("\n".join(kept) + "\n", encoding="utf-8")
        counts[name] = len(kept)
    return counts


def _services(path: Path, split: str) -> set[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        found = (json.loads(line) for line in lines)
        return {s for r in found if r["split"] == split for s in r["session_labels"]["services"]}
