"""Halves of real sets against one another: how often each part of `assay realism`, and all of it, tells them apart."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.door.auditing import read_any
from assay.models import embeddings
from assay.stats.intervals import binomial_limit, clopper_pearson
from assay.verification.realism.behaviour import behaviour_rates
from assay.verification.realism.control import degenerate
from assay.verification.realism.discriminator import discriminate
from assay.verification.realism.ensemble import ensemble
from assay.verification.realism.features import Embed
from assay.verification.realism.lines import Lines, lines_of, session_texts, turn_texts
from assay.verification.realism.summary import family_of

SETS = ("sgd", "camrest676", "casino", "ccpe_m", "persuasionforgood")
SESSIONS, TURNS, PERMUTATIONS, CONTROLS = 40, 4, 99, 5
MOST = 600
"""Sessions of a set that halves are drawn from: its sentences are read once."""
UNITS = ("turn", "session")


class Kept:
    """Sentence vectors, kept in a file between runs."""

    def __init__(self, path: Path) -> None:
        self.path, self.model = path, embeddings.MiniLM()
        if path.is_file():
            with np.load(path, allow_pickle=False) as found:
                texts = json.loads(bytes(found["texts"]).decode("utf-8"))
                self.model.kept = dict(zip(texts, found["vectors"], strict=True))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors."""
        return self.model.embed(texts)

    def save(self) -> None:
        """Write what is kept."""
        names = json.dumps(list(self.model.kept)).encode("utf-8")
        vectors = np.stack(list(self.model.kept.values()))
        np.savez(self.path, texts=np.frombuffer(names, dtype=np.uint8), vectors=vectors)


def sessions_of(data: Path, name: str, seed: int) -> list[Lines]:
    """Sessions of a set with two lines of the user's or more, at most MOST of them."""
    found = [own for own in lines_of(list(read_any(data / f"{name}.jsonl.gz")), {"user"}) if len(own.texts) >= 2]
    chosen = np.random.default_rng([seed, 7]).permutation(len(found))[:MOST]
    return [found[i] for i in chosen]


def cut(own: Lines) -> Lines:
    """The first turns of a session, for the discriminator by turn."""
    return own._replace(texts=own.texts[:TURNS])


def split(sides: Sequence[Sequence[Lines]], embed: Embed, seed: int) -> dict[str, Any]:
    """Everything that is asked of two halves, and the p-values of it before and after Holm."""
    found = {}
    for unit, texts in (("turn", [turn_texts([cut(o) for o in s]) for s in sides]),
                        ("session", [session_texts(s) for s in sides])):  # fmt: skip
        found[unit] = discriminate(*texts, seeds=1, permutations=PERMUTATIONS, control=(), seed=seed, embed=embed)
    distributions, rates = ensemble(sides[0], sides[1], seed), behaviour_rates(sides[0], sides[1], seed=seed)
    answers = family_of(found["turn"], found["session"], distributions, rates, (SESSIONS, SESSIONS), paired=False)
    return {
        "views": {unit: d.views for unit, d in found.items()},
        "area": {unit: max(d.views.values()) for unit, d in found.items()},
        "p": [[a.question.group, a.question.name, a.question.p, a.p] for a in answers],
    }


def controls(sessions: Sequence[Lines], embed: Embed, seed: int) -> list[list[float]]:
    """(area, p) of degenerate speakers against the turns that they stand for, by turn and by session."""
    out = []
    for i in range(CONTROLS):
        rng = np.random.default_rng([seed, 9, i])
        own = [sessions[j] for j in rng.permutation(len(sessions))[:SESSIONS]]
        row: list[float] = []
        for texts in (turn_texts([cut(o) for o in own]), session_texts(own)):
            bad = [t._replace(session=f"bad/{t.session}") for t in degenerate(texts, rng)]
            done = discriminate(bad, texts, seeds=1, permutations=PERMUTATIONS, control=(), seed=i, embed=embed)
            row += [max(done.views.values()), done.p]
        out.append(row)
    return out


def one_set(data: Path, name: str, many: int, seed: int, vectors: Path, out: Path) -> None:
    """Splits of one set, appended to OUT/name.jsonl as they are done; a killed run goes on."""
    sessions, kept = sessions_of(data, name, seed), Kept(vectors / f"{name}.npz")
    kept.embed([t for own in sessions for t in own.texts])
    vectors.mkdir(parents=True, exist_ok=True)
    kept.save()
    path = out / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    done = len(path.read_text("utf-8").splitlines()) if path.is_file() else 0
    with path.open("a", encoding="utf-8") as file:
        for i in range(done, many):
            chosen = np.random.default_rng([seed, 8, i]).permutation(len(sessions))[: 2 * SESSIONS]
            sides = [[sessions[j] for j in part] for part in (chosen[:SESSIONS], chosen[SESSIONS:])]
            file.write(json.dumps(split(sides, kept.embed, i)) + "\n")
            file.flush()
    bad = out / f"{name}-controls.json"
    if not bad.is_file():
        bad.write_text(json.dumps(controls(sessions, kept.embed, seed)), "utf-8")


def table(out: Path) -> None:
    """The figures of all sets that were run."""
    rows = {n: [json.loads(x) for x in (out / f"{n}.jsonl").read_text("utf-8").splitlines()]
            for n in SETS if (out / f"{n}.jsonl").is_file()}  # fmt: skip
    print("| set | splits | turn, p <= 0.05 | session | any p of all, no Holm | any after Holm | area, turn and "
          "session | templates, least area and largest p |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    total = np.zeros(4, dtype=int)
    for name, own in rows.items():
        counts = np.array([counted(r) for r in own]).sum(axis=0)
        total += counts
        areas = [np.mean([r["area"][u] for r in own]) for u in UNITS]
        print(f"| {name} | {len(own)} | {' | '.join(map(str, counts))} | {areas[0]:.3f}, {areas[1]:.3f} "
              f"| {worst(out / f'{name}-controls.json')} |")  # fmt: skip
    n = sum(map(len, rows.values()))
    tests = np.mean([len(r["p"]) for own in rows.values() for r in own])
    print(f"\nall of {n}, limit {binomial_limit(n, 0.05)}, {tests:.0f} tests a comparison:")
    for what, k in zip(("turn", "session", "any, no Holm", "any after Holm"), total.tolist(), strict=True):
        low, high = clopper_pearson(k, n)
        print(f"{what}: {k} ({low:.3f} to {high:.3f})")


def counted(row: dict[str, Any]) -> list[int]:
    """Whether turn, session, anything before and anything after Holm is at most 0.05."""
    raw = {group: p for group, name, p, _ in row["p"] if not name}
    return [
        raw["RL01 turn"] <= 0.05, raw["RL01 session"] <= 0.05, min(p for _, _, p, _ in row["p"]) <= 0.05,
        min(p for _, _, _, p in row["p"]) <= 0.05,
    ]  # fmt: skip


def worst(path: Path) -> str:
    """The least area and the largest p of the degenerate speakers."""
    if not path.is_file():
        return "-"
    found = np.array(json.loads(path.read_text("utf-8")))
    return f"{found[:, [0, 2]].min():.3f}, {found[:, [1, 3]].max():.2f}"
