"""Recompute the released consistency verdicts of arXiv 2511.00222 from their stored text.

    python bench/consistent_llms.py SHARED_DATA/consistent_llms.jsonl.gz

No model is asked. The copy that is read keeps 300 characters of each judge text: a text cut there may have lost its
verdict, and is counted apart (`cut`), never as unparsed.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from consistency_data import rows

CUT = 300
"""Characters of a judge text that the copy keeps."""
VERDICT = re.compile(r"\b(YES|NO)\b")
PARTIES = {"assistant": "P1", "user": "P2"}


class Line(NamedTuple):
    """One verdict: its session, speaker's key, position of the turn, and what the text says."""

    key: str
    turn: int
    said: str
    """contradicts, fits, unparsed or cut."""
    published: int
    """1 as the released code scores it: no YES in the text."""


def read(text: str) -> str:
    """What a judge text says: its last YES or NO; a text that was cut before any is unknown."""
    found = VERDICT.findall(text)
    if found:
        return "contradicts" if found[-1] == "YES" else "fits"
    return "cut" if len(text) >= CUT else "unparsed"


def lines_of(row: dict[str, Any]) -> list[Line]:
    """The prompt-to-line verdicts of a dialogue."""
    found = []
    for i, turn in enumerate(row["turns"]):
        text = turn["labels"].get("prompt_consistency_judge")
        if isinstance(text, str) and turn["speaker"] in PARTIES:
            found.append(Line(PARTIES[turn["speaker"]], i, read(text), int("YES" not in text)))
    return found


def group(row: dict[str, Any]) -> str:
    """Task and model of a dialogue, from its id."""
    task, name = row["id"].split("/")[:2]
    return f"{task} {re.split(r'_[0-9]', name)[0]}"


def share(values: Iterable[float]) -> str:
    """A mean, or a dash where there is nothing."""
    held = list(values)
    return f"{np.mean(held):.3f}" if held else "-"


def prompt_to_line(data: list[dict[str, Any]]) -> None:
    """Stored scores, and what they become when an unparsed verdict is no pass."""
    print("group | dialogues | verdicts | unparsed | cut | as published | unparsed = fault | unparsed left out")
    by_group: dict[str, list[Line]] = defaultdict(list)
    many: dict[str, int] = defaultdict(int)
    for row in data:
        by_group[group(row)] += lines_of(row)
        many[group(row)] += 1
    for name, held in sorted(by_group.items()):
        if held:
            known = [x for x in held if x.said != "cut"]
            parsed = [x for x in known if x.said != "unparsed"]
            print(
                f"{name} | {many[name]} | {len(held)} | {share(x.said == 'unparsed' for x in held)} "
                f"| {share(x.said == 'cut' for x in held)} | {share(x.published for x in known)} "
                f"| {share(x.said == 'fits' for x in known)} | {share(x.said == 'fits' for x in parsed)}"
            )


def polarity(data: list[dict[str, Any]]) -> None:
    """Speakers whose stored score can only be the complement of their own verdicts, whatever the cut ones said."""
    tally: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in data:
        for key in ("P1", "P2"):
            stored = row["session_labels"].get(f"{key}_prompt_consistency_score")
            held = [x for x in lines_of(row) if x.key == key]
            if stored is None or not held:
                continue
            fits = sum(x.published for x in held if x.said != "cut") / len(held)
            cut = sum(x.said == "cut" for x in held) / len(held)
            stated = fits - 1e-6 <= stored <= fits + cut + 1e-6
            flipped = 1 - fits - cut - 1e-6 <= stored <= 1 - fits + 1e-6
            at = 3 if stated and flipped else 0 if stated else 1 if flipped else 2
            tally[group(row)][at] += 1
    print("\ngroup | only the stated rule | only its complement | neither | cannot tell")
    for name, counts in sorted(tally.items()):
        print(name, *counts, sep=" | ")


def line_to_line(data: list[dict[str, Any]]) -> None:
    """The stored score against length, and the faults per line that it stands for."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for row in data:
        length = len(row["turns"])
        for key, shift in (("P1", 0), ("P2", 1)):
            stored = row["session_labels"].get(f"{key}_index_consistency_score")
            # as in the released code: own lines from the third turn on, each against the own lines before it
            own = [i for i in range(2, length) if i % 2 == shift]
            pairs = sum(i // 2 if key == "P1" else (i - 1) // 2 for i in own)
            if stored is not None and pairs and own:
                found[row["session_labels"]["task"], length].append((stored, (1 - stored) * pairs / len(own)))
    print("\ntask | turns | speakers | stored line-to-line | faulty pairs per line that it stands for")
    for (task, length), held in sorted(found.items()):
        if len(held) >= 8:
            print(f"{task} | {length} | {len(held)} | {share(a for a, _ in held)} | {share(b for _, b in held)}")


def survey(data: list[dict[str, Any]]) -> None:
    """The range of the question-answer score."""
    held = [
        float(row["session_labels"][f"{key}_survey_consistency_score"])
        for row in data
        for key in ("P1", "P2")
        if row["session_labels"].get(f"{key}_survey_consistency_score") is not None
    ]
    above = sum(v > 1 for v in held)
    print(f"\nquestion-answer: {len(held)} scores, mean {share(held)}, {above} above 1, highest {max(held):.3f}")
    print(f"divided by the five questions: mean {share(v / 5 for v in held)}")


if __name__ == "__main__":
    every = rows(Path(sys.argv[1]))
    print(f"{len(every)} dialogues\n")
    prompt_to_line(every)
    polarity(every)
    line_to_line(every)
    survey(every)
