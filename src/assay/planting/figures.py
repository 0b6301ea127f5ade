"""What the words of checks on faults and originals add up to: recall, false alarms, AUROC, with intervals."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assay.planting.matching import ORDER, SILENT, Target, Word

Spoken = tuple[Target, Word, Word]
"""(unit, what a check says of it in the faulty copy, what it says of it in the original)."""


def both(words: Iterable[Word]) -> Word:
    """What the independent and the other annotators of one check say together."""
    said = [w for w in words if w.status is not None]
    if not said:
        return SILENT
    scores = [w.score for w in said if w.score is not None]
    first = min(said, key=lambda w: ORDER.index(w.status or "not_applicable"))
    return Word(first.status, min(scores) if scores else None, first.reason)


def speaks(words: Sequence[Spoken]) -> bool:
    """Whether a check says anything of these units at all."""
    return any(w.status not in (None, "not_applicable") for _, *pair in words for w in pair)


def figures(words: Sequence[Spoken]) -> dict[str, Any]:
    """Recall, false alarms and AUROC of one check on n faults and the same n units of the originals.

    *Guarantee*: intervals are 95 %, two-sided, `difference_lower` one-sided 95 %; sessions are the clusters and
    independent, faults of one session may depend in any way (`stats.intervals`; laws in
    tests/laws/test_interval_laws.py).
    """
    from assay.stats.agreement import auroc
    from assay.stats.intervals import cluster_mean, rate_difference

    sessions = [target.session for target, _, _ in words]
    caught = [float(faulty.status == "contradicted") for _, faulty, _ in words]
    flagged = [float(original.status == "contradicted") for _, _, original in words]
    recall, alarm = cluster_mean(caught, sessions), cluster_mean(flagged, sessions)
    scores = [(f.score, o.score) for _, f, o in words if f.score is not None and o.score is not None]
    known = recall.low is not None
    return {
        "n_originals": len(words), "clusters": recall.clusters,
        "recall": recall.point, "recall_ci": [recall.low, recall.high],
        "false_alarm": alarm.point, "false_alarm_ci": [alarm.low, alarm.high],
        "difference_lower": rate_difference((caught, sessions), (flagged, sessions)).low if known else None,
        "auroc": auroc([False] * len(scores) + [True] * len(scores), [s for pair in zip(*scores, strict=True)
                                                                     for s in pair]) if scores else None,
    }  # fmt: skip


Fault = tuple[Target, Mapping[str, tuple[Word, Word]]]
"""A unit and, by code of the checks that were asked, what they say of it in the faulty copy and in the original."""


def by_operator(way: Mapping[str, Any], faults: Sequence[Fault]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(one row per check, the row of all checks together) of one way of planting, over all label names.

    The row of all checks: `best` is the check with the largest recall minus false alarms, null where none catches more
    than it flags on the originals; `caught` as the function of that name.
    """
    codes = sorted({code for _, said in faults for code in said})
    rows = []
    for code in codes:
        words = [(target, *said[code]) for target, said in faults if code in said]
        if speaks(words):
            rows.append({**way, "check": code, "n_faults": len(words), **figures(words)})
    asked = {row["check"] for row in rows}
    joint = [
        (t, both(f for c, (f, _) in said.items() if c in asked), both(o for c, (_, o) in said.items() if c in asked))
        for t, said in faults
    ]
    all_of_them = {**way, "n_faults": len(joint), "checks": sorted(asked), **figures(joint)}
    # the least score of several checks orders nothing
    all_of_them["auroc"] = None
    able = [r for r in rows if r["recall"] > r["false_alarm"]]
    best = max(able, key=lambda r: (r["recall"] - r["false_alarm"], r["check"]), default=None)
    return rows, {**all_of_them, "best": best["check"] if best else None, "caught": caught(all_of_them)}


def caught(row: Mapping[str, Any]) -> bool | None:
    """Whether a fault is caught at all: more often named in copies than in originals; null where too few to say."""
    return None if row["difference_lower"] is None else bool(row["difference_lower"] > 0)
