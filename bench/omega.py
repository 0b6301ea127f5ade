"""Why omega, as published for judges of language models, measures the number of questions; and what to use instead.

    python bench/omega.py [--seed 0] [--shuffles 20] [--counts ../shared/data/llm_reliability_app_counts.csv.gz]

1. Noise: every answer of every repeat is drawn at random, independently (no judge, nothing to agree on). Published
   omega and alpha by number of questions, with the alpha that the formula gives from the two sizes alone.
2. A judge with a known share of stable answers, s: with chance s an item's repeats all give its own answer, else each
   repeat draws anew. True agreement is known. Published omega and its shuffled twin; Krippendorff's alpha with items as
   rows, its interval and its permutation control.
3. Constant columns: questions that never vary count as reliability 1.
4. Temperature: the same judge, answers drawn from softmax(logits / T). The published number hardly moves; agreement
   rises as it should.
5. Real judges, where the counts file is given: 1,008 questions, 3 judges, 100 repeats each, as counts of correct,
   incorrect and missing; repeats of a question are exchangeable, so they are dealt out in a seeded order.
"""

import argparse
import csv
import gzip
from pathlib import Path

import numpy as np

from assay.stats.as_published import as_published
from assay.stats.reliability import Ratings, item_interval, krippendorff, permuted_agreement, ratings

REPEATS = 100


def table(rows: list[tuple[str, ...]]) -> None:
    """A Markdown table."""
    print("| " + " | ".join(rows[0]) + " |\n" + "| --- " * len(rows[0]) + "|")
    for row in rows[1:]:
        print("| " + " | ".join(row) + " |")
    print()


def of_items(x: np.ndarray) -> Ratings:
    """Ratings with items as rows and repeats as raters."""
    items, repeats = x.shape
    return ratings(np.repeat(np.arange(items), repeats), x.ravel())


def agreement(x: np.ndarray, rng: np.random.Generator) -> tuple[str, str, str]:
    """(alpha, its interval, its permutation control) of items by repeats."""
    data = of_items(x)
    ci, chance = (
        item_interval(data, "krippendorff", rng, draws=500),
        permuted_agreement(data, "krippendorff", rng, draws=200),
    )
    shown = "none" if ci is None else f"{ci[0]:.3f} to {ci[1]:.3f}"
    return f"{krippendorff(data):.3f}", shown, f"{chance.mean:+.3f} ({chance.low:+.3f} to {chance.high:+.3f})"


def published(x: np.ndarray, rng: np.random.Generator, shuffles: int) -> tuple[str, ...]:
    """(omega, its shuffled twin, alpha, alpha by the formula) of items by repeats, by the published steps."""
    found = as_published(1.0 + x.T, rng, shuffles)
    twin = np.array(found.shuffled_omega)
    return (f"{found.omega:.3f}", f"{twin.mean():.3f} ({twin.min():.3f} to {twin.max():.3f})", f"{found.alpha:.3f}",
            f"{found.expected_alpha:.3f}")  # fmt: skip


def judge(rng: np.random.Generator, items: int, stable: float, values: int = 5) -> np.ndarray:
    """Items by repeats: a share of the items is answered the same way always, the others at random."""
    own = rng.integers(values, size=(items, 1))
    return np.where(rng.random((items, 1)) < stable, own, rng.integers(values, size=(items, REPEATS)))


def warm(rng: np.random.Generator, items: int, temperature: float, values: int = 5) -> np.ndarray:
    """Items by repeats, drawn from softmax(logits / temperature) with logits N(0, 1.5)."""
    logits = rng.normal(0, 1.5, size=(items, 1, values)) / temperature
    return np.argmax(logits + rng.gumbel(size=(items, REPEATS, values)), axis=2)


def real(path: Path, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Judge -> questions by repeats: 0 incorrect, 1 correct, 2 missing, 3 other."""
    held: dict[str, list[np.ndarray]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            counts = [int(row[k]) for k in ("n_incorrect", "n_correct", "n_missing", "n_other")]
            if sum(counts) == REPEATS:
                held.setdefault(row["judge"], []).append(rng.permutation(np.repeat(np.arange(4), counts)))
    return {name: np.array(rows) for name, rows in held.items()}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shuffles", type=int, default=20)
    parser.add_argument("--counts", type=Path)
    asked = parser.parse_args()
    rng, shuffles = np.random.default_rng(asked.seed), asked.shuffles
    print(f"{REPEATS} repeats, seed {asked.seed}, {shuffles} shuffles; twin: mean (lowest to highest)\n\n1. Noise\n")
    rows = [("questions", "omega as published", "shuffled twin", "alpha as published", "alpha by formula",
             "Krippendorff's alpha", "95 %", "by chance")]  # fmt: skip
    for k in (8, 18, 25, 52, 200):
        x = rng.integers(5, size=(k, REPEATS))
        rows.append((str(k), *published(x, rng, shuffles), *agreement(x, rng)))
    table(rows)
    print("2. A judge with a known share of stable answers, 52 questions\n")
    rows = [("stable share", "omega as published", "shuffled twin", "alpha as published", "alpha by formula",
             "Krippendorff's alpha", "95 %", "by chance")]  # fmt: skip
    for stable in (0.0, 0.25, 0.5, 0.75):
        x = judge(rng, 52, stable)
        rows.append((f"{stable:.2f}", *published(x, rng, shuffles), *agreement(x, rng)))
    table(rows)
    print("3. Noise on 8 questions, beside questions that are always answered alike\n")
    rows = [("constant questions", "omega as published", "shuffled twin", "alpha as published", "alpha by formula")]
    noise = rng.integers(5, size=(8, REPEATS))
    for constant in (0, 8, 40):
        x = np.vstack([noise, np.ones((constant, REPEATS), dtype=noise.dtype)])
        rows.append((str(constant), *published(x, rng, shuffles)))
    table(rows)
    print("4. One judge by temperature, 52 questions\n")
    rows = [("temperature", "omega as published", "shuffled twin", "alpha as published", "alpha by formula",
             "Krippendorff's alpha", "95 %", "by chance")]  # fmt: skip
    for temperature in (1.0, 0.75, 0.5, 0.25):
        x = warm(np.random.default_rng(asked.seed + 1), 52, temperature)
        rows.append((f"{temperature:g}", *published(x, rng, shuffles), *agreement(x, rng)))
    table(rows)
    if asked.counts is not None:
        print("5. Real judges, questions taken at random from 1,008\n")
        rows = [("judge", "questions", "omega as published", "shuffled twin", "alpha as published", "alpha by formula",
                 "Krippendorff's alpha", "95 %", "by chance")]  # fmt: skip
        for name, x in real(asked.counts, rng).items():
            for k in (25, 100):
                drawn = x[rng.choice(len(x), k, replace=False)]
                rows.append((name, str(k), *published(drawn, rng, shuffles), *agreement(drawn, rng)))
        table(rows)


if __name__ == "__main__":
    main()
