"""Beliefs about what real people keep to themselves: CaSiNo's priorities, CamRest676's goals (METHODS 5).

    python bench/beliefs_real.py [--data DIR] [--set casino,camrest] [--half dev|report] [--model embedded]

The fitted policy is trained on one half of the sessions (by a hash of the id) and read on the other; `--half dev` stays
within the first half (trained on two thirds of it). Baseline: a guesser that knows the prior alone. Printed per number
of turns of the party: P(truth), accuracy, log loss with 95 % intervals (bootstrap by session), ECE of 10 equal-mass
bins with its mean under the confidences themselves.

--model asks a language model which value it is after every turn, options in three orders, for --sessions sides of
either half: its own answer alone, and the filter over the increments of its answers, whose temperature comes from the
training half. The fitted policy and the prior are told on the same sides beside it.
"""

import argparse
import asyncio
import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from assay.models.model import Complete, score_options
from assay.models.resolve import resolve
from assay.records.base import digest
from assay.stats.beliefs import filter_beliefs, fit_temperature, increments
from assay.stats.calibration import ece
from assay.verification.beliefs.fitted import FittedPolicy, Told, fit_policy

ITEMS = ("Food", "Water", "Firewood")
SLOTS = {"price range": "price", "area": "area", "food": "kind of food"}
AT = (0, 1, 2, 3, 4, 99)
ORDERS, LETTERS = 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def rows(data: Path, name: str) -> list[dict]:
    """Sessions of a set."""
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def side(session: dict, party: str) -> tuple[tuple[str, str], ...]:
    """(partner's words before it, own words) of one party's turns; the deal's own marks are no words."""
    said, before = [], ""
    for turn in session["turns"]:
        text = turn["text"]
        if text.endswith("-Deal") or text == "Walk-Away":
            break
        if turn["speaker"] == party:
            said.append((before, text))
            before = ""
        else:
            before = f"{before} {text}".strip()
    return tuple(said)


def casino(data: Path) -> Iterator[tuple[str, list, list[Told]]]:
    """Which order of priorities a party has: six."""
    orders = [dict(zip(("High", "Medium", "Low"), p, strict=True)) for p in itertools.permutations(ITEMS)]
    told = []
    for s in rows(data, "casino"):
        for party in ("user", "assistant"):
            order = {k: s["private"][party]["value2issue"][k] for k in ("High", "Medium", "Low")}
            if turns := side(s, party):
                told.append(Told(group=s["id"], truth=orders.index(order), turns=turns))
    yield "casino: order of priorities", orders, told


def camrest(data: Path) -> Iterator[tuple[str, list, list[Told]]]:
    """Which value of a slot the user was sent for, `none` where it is not part of the goal."""
    sessions = rows(data, "camrest676")
    for slot in SLOTS:
        held = [s["session_labels"]["goal"]["inform"].get("restaurant", {}).get(slot, "") for s in sessions]
        values = sorted({v for v in held if held.count(v) >= 10})
        hypotheses = [{"value": v if v not in ("", "dontcare") else "", "kind": v or "none"} for v in values]
        told = [
            Told(group=s["id"], truth=values.index(v), turns=side(s, "user"))
            for s, v in zip(sessions, held, strict=True)
            if v in values and side(s, "user")
        ]
        yield f"camrest676: {slot}", hypotheses, told


def one_line(text: str) -> str:
    """Text without line breaks."""
    return " ".join(text.split())


def first_half(group: str) -> bool:
    """Which half of a set a session is in."""
    return int(digest(f"half/{group}")[:8], 16) % 2 == 0


def posteriors(policy: FittedPolicy, told: list[Told]) -> list[np.ndarray]:
    """Per session (T+1, K) probabilities, row 0 the prior."""
    return [np.exp(filter_beliefs(policy.log_prior, policy.table(t.turns)).now) for t in told]


def boot(values: np.ndarray, groups: list[str], rng: np.random.Generator) -> str:
    """Mean and its 95 % bootstrap interval over sessions."""
    names, place = np.unique(groups, return_inverse=True)
    total, size = np.bincount(place, values), np.bincount(place)
    pick = rng.integers(len(names), size=(1000, len(names)))
    low, high = np.percentile(total[pick].sum(1) / size[pick].sum(1), [2.5, 97.5])
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def tell(name: str, found: list[np.ndarray], told: list[Told], points: tuple[int, ...] = AT) -> None:
    """Print the figures of one reader at several turns."""
    rng = np.random.default_rng(0)
    groups = [t.group for t in told]
    for k in points:
        p = np.array([f[min(k, len(f) - 1)] for f in found])
        truth = np.array([t.truth for t in told])
        own, sure, hit = p[np.arange(len(p)), truth], p.max(1).clip(max=1.0), p.argmax(1) == truth
        null = np.mean([ece(sure, rng.random(len(sure)) < sure) for _ in range(200)])
        loss = boot(-np.log(np.maximum(own, 1e-6)), groups, rng)
        at = "the prior" if k == 0 else "the end" if k == 99 else f"turn {k}"
        print(f"  {name}, {at}: P(truth) {boot(own, groups, rng)}, accuracy {boot(hit.astype(float), groups, rng)}, "
              f"log loss {loss}, ECE {ece(sure, hit):.3f} (null {null:.3f})", flush=True)  # fmt: skip


def calibration(found: list[np.ndarray], told: list[Told]) -> None:
    """Confidence against accuracy over all turns, ten equal-mass bins: the numbers of a calibration plot."""
    sure = np.concatenate([f[1:].max(1) for f in found])
    hit = np.concatenate([f[1:].argmax(1) == t.truth for f, t in zip(found, told, strict=True)])
    bins = np.array_split(np.argsort(sure, kind="stable"), 10)
    print("  confidence -> accuracy: " + ", ".join(f"{sure[b].mean():.2f} -> {hit[b].mean():.2f}" for b in bins))


def asked(title: str, hypotheses: list, side_of: Told) -> Iterator[tuple[str, list[str]]]:
    """(prompt, options in order) before the first turn and after each, ORDERS rotations of the options each."""
    names = [", ".join(f"{k} {v}" for k, v in h.items() if v) for h in hypotheses]
    said = ""
    for turn in (None, *side_of.turns):
        if turn is not None:
            said += "".join(
                f"{who}: {one_line(text)}\n" for who, text in zip(("partner", "customer"), turn, strict=True) if text
            )
        for number in range(ORDERS):
            shift = number * max(1, len(names) // ORDERS)
            order = names[shift:] + names[:shift]
            listed = "\n".join(f"{LETTERS[i]}) {name}" for i, name in enumerate(order))
            what = title.split(": ")[1]
            yield f"{said}\nQuestion: Which {what} does the customer have in mind?\n{listed}\nAnswer:", order


def by_model(title: str, hypotheses: list, told: list[Told], complete: Complete) -> list[np.ndarray]:
    """Per side (T+1, K): the model's answer after every turn, a mean over orders."""
    names = [", ".join(f"{k} {v}" for k, v in h.items() if v) for h in hypotheses]

    async def one(side_of: Told) -> np.ndarray:
        rows = []
        for prompt, order in asked(title, hypotheses, side_of):
            found = await score_options(complete, prompt, LETTERS[: len(order)])
            least = min((x for x in found.values() if x is not None), default=0.0)
            logs = {name: found[LETTERS[i]] for i, name in enumerate(order)}
            p = np.exp([least if logs[n] is None else logs[n] for n in names])
            rows.append(p / p.sum())
        return np.array(rows).reshape(-1, ORDERS, len(names)).mean(axis=1)

    async def all_() -> list[np.ndarray]:
        return [await one(t) for t in told]

    return asyncio.run(all_())


def filtered(answers: list[np.ndarray], log_prior: np.ndarray, temperature: float) -> list[np.ndarray]:
    """The exact filter over the increments of a model's answers."""
    return [np.exp(filter_beliefs(log_prior, increments(q), temperature=temperature).now) for q in answers]


def with_model(
    title: str, policy: FittedPolicy, learn: list[Told], rest: list[Told], complete: Complete, n: int
) -> None:
    """The language model alone, and with the filter, beside the prior and the fitted policy, on the same sides."""
    hypotheses = list(policy.hypotheses)
    rng = np.random.default_rng(3)
    taught, told = ([part[i] for i in sorted(rng.permutation(len(part))[:n])] for part in (learn, rest))
    known = by_model(title, hypotheses, taught, complete)
    totals = np.array([increments(q).sum(axis=0) for q in known])
    heat = fit_temperature(policy.log_prior, totals, [t.truth for t in taught])
    answers = by_model(title, hypotheses, told, complete)
    print(f"{title}, {len(told)} sides ({len(taught)} for the temperature, {heat:.2f})")
    some = (0, 1, 3, 99)
    tell("model alone", answers, told, some)
    tell("model and filter", filtered(answers, policy.log_prior, heat), told, some)
    tell("fitted policy", posteriors(policy, told), told, some)


def main() -> None:
    """Fit on one part, tell on another."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument("--set", default="casino,camrest")
    options.add_argument("--half", default="report", choices=("dev", "report"))
    options.add_argument("--model", default=None)
    options.add_argument("--sessions", type=int, default=20)
    given = options.parse_args()
    complete = resolve(given.model).complete if given.model else None
    makers = {"casino": casino, "camrest": camrest}
    for chosen in given.set.split(","):
        for title, hypotheses, told in makers[chosen](given.data):
            learn = [t for t in told if first_half(t.group)]
            rest = [t for t in told if not first_half(t.group)]
            if given.half == "dev":
                third = [int(digest(f"third/{t.group}")[:8], 16) % 3 == 0 for t in learn]
                learn, rest = (
                    [t for t, x in zip(learn, third, strict=True) if not x],
                    [t for t, x in zip(learn, third, strict=True) if x],
                )
            policy = fit_policy(learn, hypotheses)
            print(f"{title}: {len(hypotheses)} values, fitted on {len(learn)} sides, told on {len(rest)} "
                  f"({len({t.group for t in rest})} sessions), ridge {policy.ridge:g}, "
                  f"temperature {policy.temperature:.2f}", flush=True)  # fmt: skip
            found = posteriors(policy, rest)
            tell("fitted policy", found, rest)
            calibration(found, rest)
            if complete is not None and (chosen == "casino" or title.endswith("price range")):
                with_model(title, policy, learn, rest, complete, given.sessions)


if __name__ == "__main__":
    main()
