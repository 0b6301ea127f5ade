"""Planted flips found by LB06, beside plain out-of-fold logistic regression on the same features in the same run.

    python bench/label_errors.py [--data DIR] [--sets casino,ccpe_m] [--sessions 400] [--rate 0.1] [--seeds 2]

For each set, role and seed, `rate` of the one-valued labels are flipped (uniform: to any other value; confusable: to
the value that a plain reader of the clean labels mixes it up with most). Printed: average precision of finding the
flips by LB06's score, by the self-confidence and by the normalised margin of one plain pass (what cleanlab ranks by;
cleanlab's own filter as F1 where it can be imported), recall and false alarms of LB06's `contradicted`, mean trust
beside the share really right. Units: labels. Natural errors of the sets count as false alarms here.
"""

import argparse
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from assay.importing.sessions import import_sessions
from assay.records.session import Session
from assay.verification.label_errors import (
    MIN_TARGETS,
    Column,
    Entry,
    Views,
    by_role,
    columns_of,
    prepare,
    weigh,
)
from assay.verification.label_noise import log_odds
from assay.verification.label_readers import Folded, out_of_fold

LABELS = {
    "sgd": "acts.act",
    "casino": "strategies",
    "ccpe_m": "annotation_type",
    "persuasionforgood": "acts",
    "banking77": "intent",
}
"""Set -> turn label with planted flips."""


class Scores(NamedTuple):
    """One row of the table."""

    n: int
    flips: int
    ap: float
    self_confidence: float
    margin: float
    recall: float
    false_alarms: float
    trust: float
    right: float
    filter_f1: float | None
    seconds: float


def plain(data: Folded) -> Any:
    """One pass of out-of-fold logistic regression: probability of each value, shape (n, k), as shares of one."""
    probability = out_of_fold(data, rounds=1)
    return probability / probability.sum(1, keepdims=True)


def most_confusable(column: Column, entries: list[Entry], values: list[str], views: Views) -> dict[str, str]:
    """Value -> the other value that a plain reader of the clean labels gives most probability to."""
    data = prepare(column, entries, values, views, "clean")
    probability = plain(data)
    found = {}
    for i, value in enumerate(values):
        mean = probability[data.task.given[:, i]].mean(0)
        mean[i] = -1
        found[value] = values[int(mean.argmax())]
    return found


def flip(
    entries: list[Entry], kind: str, rate: float, confusable: dict[str, str], rng: np.random.Generator
) -> list[Entry]:
    """The labels with a share of the one-valued ones flipped."""
    values = sorted(confusable)
    single = [i for i, e in enumerate(entries) if len(e.values) == 1]
    out = list(entries)
    for i in rng.choice(single, int(rate * len(single)), replace=False):
        own = entries[i].values[0]
        others = [v for v in values if v != own]
        new = confusable[own] if kind == "confusable" else str(rng.choice(others))
        out[i] = entries[i]._replace(values=(new,))
    return out


def filter_f1(probability: Any, data: Folded, bad: Any) -> float | None:
    """F1 of cleanlab's own list of label issues, for categories; None where it is not installed."""
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        return None
    found = find_label_issues(data.task.given.argmax(1), probability, n_jobs=1)
    both = float((found & bad).sum())
    return 2 * both / max(found.sum() + bad.sum(), 1)


def measure(column: Column, before: list[Entry], after: list[Entry], views: Views, unit: str) -> Scores:
    """Scores of one role's labels, flipped."""
    from sklearn.metrics import average_precision_score

    began = time.monotonic()
    values = sorted({v for e in after for v in e.values})
    data = prepare(column, after, values, views, unit)
    outcome = weigh(out_of_fold(data), data.task)
    seconds = time.monotonic() - began
    single = np.array([len(e.values) == 1 for e in before])
    bad = np.array([a.values != b.values for a, b in zip(before, after, strict=True)])
    probability = plain(data)
    own = np.where(data.task.given, probability, 0).max(1)
    rest = np.where(data.task.given, 0, probability).max(1)

    def precision(score: Any) -> float:
        return float(average_precision_score(bad[single], -score[single]))

    return Scores(
        n=int(single.sum()),
        flips=int(bad.sum()),
        ap=precision(outcome.trust),
        self_confidence=precision(own),
        margin=precision(log_odds(own, True) - log_odds(rest, True)),
        recall=float(outcome.called[bad].mean()),
        false_alarms=float(outcome.called[~bad].mean()),
        trust=float(outcome.trust.mean()),
        right=float(1 - bad.mean()),
        filter_f1=filter_f1(probability, data, bad) if bool(single.all()) else None,
        seconds=seconds,
    )


def show(name: str, role: str, kind: str, rows: list[Scores]) -> None:
    """Print the mean over seeds."""
    mean = [None if any(v is None for v in column) else float(np.mean(column)) for column in zip(*rows, strict=True)]
    n, flips, ap, own, margin, recall, alarms, trust, right, f1, seconds = mean
    text = f"{name:18s} {role:9s} {kind:10s} n {n:6.0f} flips {flips:5.0f}  AP {ap:.3f}  plain self {own:.3f}"
    text += f" margin {margin:.3f}  recall {recall:.3f} false alarms {alarms:.3f}  trust {trust:.3f} right {right:.3f}"
    print(text + (f"  cleanlab F1 {f1:.3f}" if f1 is not None else "") + f"  {seconds:.1f} s", flush=True)


def run(name: str, sessions: list[Session], rate: float, seeds: int) -> None:
    """One set: every role, both kinds of flips."""
    column = next(c for c in columns_of(sessions)[0] if c.name == LABELS[name] and c.turns)
    rare = {value for value, n in column.counts().items() if n < 4 * MIN_TARGETS}
    kept = replace(column, entries=[e for e in column.entries if not rare.intersection(e.values)])
    views = Views(sessions, [kept], 0)
    for role, entries in by_role(kept, kept.entries, sessions).items():
        often = Counter(v for e in entries for v in e.values)
        entries = [e for e in entries if e.values and min(often[v] for v in e.values) >= 4 * MIN_TARGETS]
        values = sorted({v for e in entries for v in e.values})
        confusable = most_confusable(replace(kept, entries=entries), entries, values, views)
        for kind in ("uniform", "confusable"):
            rows = []
            for seed in range(seeds):
                after = flip(entries, kind, rate, confusable, np.random.default_rng([seed, 1]))
                rows.append(measure(replace(kept, entries=after), entries, after, views, f"{kind} {seed}"))
            show(name, role, kind, rows)


def main() -> None:
    """Read the arguments and print one line per set, role and kind of flip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--sets", default=",".join(LABELS))
    parser.add_argument("--sessions", type=int, default=400)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    for name in options.sets.split(","):
        sessions = list(import_sessions(options.data / f"{name}.jsonl.gz"))
        labelled = [s for s in sessions if any(LABELS[name].partition(".")[0] in t.labels for t in s.turns)]
        order = np.random.default_rng(0).permutation(len(labelled))
        # A session of banking77 is one turn.
        wanted = options.sessions * (10 if name == "banking77" else 1)
        run(name, [labelled[i] for i in np.sort(order[:wanted])], options.rate, options.seeds)


if __name__ == "__main__":
    main()
