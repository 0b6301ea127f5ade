"""Train the reader of core acts on real human turns, and write its weights and card.

    python bench/train_reader.py --data ../shared/data --out src/assay/verification/weights

Deterministic: the same data gives the same bytes. Domains are left out whole, never lines: `FOLDS` for the Platt
scaling and the thresholds, `UNSEEN` for the numbers of the card (reader_data.py has the sets).
"""

import argparse
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from assay.verification.annotators.human_turns import BUCKETS, WEIGHTS, HumanTurnReader, features, sigmoid, tokens
from reader_data import ACTS, FOLDS, UNSEEN, Item, collect, parts, persuasion
from reader_report import PARTIES, ActNumbers, choose_contradict, choose_support, measure, write_card

Floats = NDArray[np.float64]
Rows = list[list[int]]
LEAST_DOMAINS = 6
RIDGE = 0.3
"""Both chosen by mean average precision with domains left out, of 2 to 9 and 0.03 to 3; it is flat around them."""


def home_group(item: Item) -> Iterable[str]:
    """What counts as one domain when words are counted across domains."""
    return item.domains if item.source == "sgd" else (item.source,)


def choose_words(pool: dict[str, list[Item]]) -> frozenset[str]:
    """Words of either party that occur in at least `LEAST_DOMAINS` domains."""
    seen: dict[str, set[str]] = {}
    for item in (i for items in pool.values() for i in items):
        for word in set(tokens(item.text)):
            if word.isalpha() or "'" in word:
                seen.setdefault(word, set()).update(home_group(item))
    return frozenset(word for word, groups in seen.items() if len(groups) >= LEAST_DOMAINS)


def matrix(rows: Rows) -> csr_matrix:
    """Binary features, each row divided by the root of its count."""
    lengths = np.array([len(row) for row in rows])
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    values = np.repeat(1 / np.sqrt(lengths), lengths)
    return csr_matrix((values, np.concatenate([np.array(r) for r in rows]), indptr), shape=(len(rows), BUCKETS))


def targets(items: list[Item], acts: tuple[str, ...]) -> Floats:
    """(n, K): 1 present, 0 absent, nan not told."""
    return np.array([[float(i.known[a]) if a in i.known else np.nan for a in acts] for i in items])


def fit(x: csr_matrix, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Ridge-penalised one-vs-rest logistic regressions in one L-BFGS run; unknown labels have no loss."""
    use = np.flatnonzero(np.diff(x.tocsc().indptr))
    x, k = x[:, use], y.shape[1]
    mask = ~np.isnan(y) * weights[:, None]
    total = mask.sum(axis=0)
    sign = np.where(np.nan_to_num(y) > 0, 1.0, -1.0)
    xt = x.T.tocsr()

    def loss(flat: Floats) -> tuple[float, Floats]:
        w = flat.reshape(len(use) + 1, k)
        margin = sign * (x @ w[:-1] + w[-1])
        value = float((mask * np.logaddexp(0, -margin)).sum() + RIDGE / 2 * (w[:-1] ** 2).sum())
        slope = -mask * sign * sigmoid(-margin)
        return value, np.vstack([xt @ slope + RIDGE * w[:-1], slope.sum(axis=0)]).ravel()

    start = np.zeros((len(use) + 1, k))
    start[-1] = [np.log((p + 1) / (n + 1)) for p, n in zip((mask * (sign > 0)).sum(axis=0), total, strict=True)]
    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 60, "maxcor": 6}).x
    w = found.reshape(len(use) + 1, k)
    full = np.zeros((BUCKETS, k))
    full[use] = w[:-1]
    return full, w[-1]


def train(items: list[Item], acts: tuple[str, ...], words: frozenset[str]) -> tuple[Floats, Floats]:
    """Weights (BUCKETS, K), bias (K,). A quarter of the turns is seen again without the turn before.

    `complain` is learnt from such turns only: its examples have no turn before them, which must not be what is learnt.
    """
    again = [i for i in items if i.previous is not None and zlib.crc32(i.text.encode()) % 4 == 0]
    rows = [features((i.text, i.previous), words) for i in items] + [features((i.text, None), words) for i in again]
    y = targets(items + again, acts)
    if "complain" in acts:
        with_context = [k for k, i in enumerate(items) if i.previous is not None]
        y[with_context, acts.index("complain")] = np.nan
    weights = np.array([i.weight for i in items + again])
    return fit(matrix(rows), y, weights)


def out_of_fold(pool: dict[str, list[Item]], party: str) -> tuple[list[Item], Floats]:
    """Scores of every turn by regressions that saw no session of its domain (words are chosen without it too)."""
    kept: list[Item] = []
    scores: list[Floats] = []
    for k, fold in enumerate(FOLDS):
        out = fold | parts(k)
        rest = {name: [i for i in items if not i.session_domains & out] for name, items in pool.items()}
        words = choose_words(rest)
        weights, bias = train(rest[party], ACTS[party], words)
        inside = [i for i in pool[party] if i.domains <= out]
        scores.append(matrix([features((i.text, i.previous), words) for i in inside]) @ weights + bias)
        kept += inside
    return kept, np.vstack(scores)


def platt(scores: Floats, y: Floats) -> Floats:
    """Slope and intercept per act, (K, 2), by maximum likelihood on out-of-fold scores."""
    out = []
    for k in range(y.shape[1]):
        told = ~np.isnan(y[:, k])
        s, sign = scores[told, k], np.where(y[told, k] > 0, 1.0, -1.0)

        def loss(ab: Floats, s: Floats = s, sign: Floats = sign) -> tuple[float, Floats]:
            margin = sign * (ab[0] * s + ab[1])
            slope = -sign * sigmoid(-margin)
            return float(np.logaddexp(0, -margin).sum()), np.array([slope @ s, slope.sum()])

        out.append(minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x)
    return np.array(out)


def train_party(pool: dict[str, list[Item]], party: str) -> dict[str, NDArray[Any]]:
    """Weights, Platt lines and thresholds of one party."""
    acts = ACTS[party]
    kept, scores = out_of_fold(pool, party)
    y = targets(kept, acts)
    line = platt(scores, y)
    p = sigmoid(scores * line[:, 0] + line[:, 1])
    fold = np.array([next(k for k, f in enumerate(FOLDS) if i.domains <= f | parts(k)) for i in kept])
    support = np.array([choose_support(p[:, k], y[:, k]) for k in range(len(acts))])
    contradict = np.array([choose_contradict(p, y, support, k, fold) for k in range(len(acts))])
    weights, bias = train(pool[party], acts, choose_words(pool))
    arrays: dict[str, NDArray[Any]] = {
        "weights": weights.astype(np.float16),
        "bias": bias.astype(np.float32),
        "platt": line.astype(np.float32),
        "support_at": support.astype(np.float32),
        "contradict_at": contradict.astype(np.float32),
    }
    return {f"{party}_{key}": value for key, value in arrays.items()}


def measured(reader: HumanTurnReader, items: dict[str, list[Item]]) -> dict[str, list[ActNumbers]]:
    """Numbers per party on items that were not trained on."""
    return {
        party: measure(reader, party, [(i.text, i.previous) for i in items[party]], targets(items[party], ACTS[party]))
        for party in PARTIES
    }


def main() -> None:
    """Train both parties, write weights and card; with --card-only, measure the weights that are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--card-only", action="store_true")
    asked = parser.parse_args()
    items: dict[str, list[Item]] = {party: collect(asked.data, party) for party in PARTIES}
    pool = {party: [i for i in items[party] if not i.session_domains & UNSEEN] for party in items}
    unseen = {party: [i for i in items[party] if i.domains <= UNSEEN] for party in items}
    path: Path = asked.out / WEIGHTS
    if not asked.card_only:
        meta = json.dumps({"name": HumanTurnReader.name, "buckets": BUCKETS, "acts": ACTS}, sort_keys=True)
        arrays: dict[str, NDArray[Any]] = {"meta": np.frombuffer(meta.encode(), np.uint8)}
        arrays["words"] = np.frombuffer(" ".join(sorted(choose_words(pool))).encode(), np.uint8)
        for party in PARTIES:
            arrays |= train_party(pool, party)
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    reader = HumanTurnReader.load(path)
    people: dict[str, list[Item]] = {party: persuasion(asked.data, party) for party in PARTIES}
    found, apart = measured(reader, unseen), measured(reader, people)
    write_card(path.with_suffix(".md"), reader, path.stat().st_size, pool, found, apart)


if __name__ == "__main__":
    main()
