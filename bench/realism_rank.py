"""Sources of sessions ranked by how far they are from real ones that no simulator of the product was trained on."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assay.door.auditing import read_any
from assay.records.session import Session
from assay.verification.realism.behaviour import behaviour_rates
from assay.verification.realism.discriminator import discriminate
from assay.verification.realism.ensemble import ensemble
from assay.verification.realism.features import Embed
from assay.verification.realism.lines import Lines, lines_of, parties, session_texts, turn_texts
from assay.verification.realism.summary import family_of
from realism_halves import UNITS, Kept

SESSIONS, PERMUTATIONS, FOLD_SEEDS, MOST = 80, 99, 2, 400
TRAINED_ON = ("train", "dev")
"""Splits of the reference that the shipped adapter was trained on (its card)."""
PUBLISHED = ("camrest676", "casino", "ccpe_m", "diasynth", "tau1_trajectories")
"""Sets that are ranked beside the runs: three of people, two of simulators."""


def services(session: Session) -> set[str]:
    """Services that a session is about."""
    found = session.session_labels.get("services")
    return set(map(str, found)) if isinstance(found, list) else set()


def references(data: Path, name: str, split: str) -> tuple[list[Session], list[Session]]:
    """(sessions of the split all of whose services are new there, its other sessions)."""
    found = read_any(data / f"{name}.jsonl.gz")
    known = {x for s in found if s.split in TRAINED_ON for x in services(s)}
    own = [s for s in found if s.split == split]
    return [s for s in own if not services(s) & known], [s for s in own if services(s) & known]


def sources_of(data: Path, runs: Mapping[str, str], other: Sequence[Session]) -> dict[str, list[Lines]]:
    """Name -> lines of everything that is ranked, but for other sessions of the reference."""
    found = {"people, same corpus, services of its training": list(other)}
    found |= {name: list(read_any(Path(folder) / "sessions.jsonl")) for name, folder in runs.items()}
    found |= {name: list(read_any(data / f"{name}.jsonl.gz")) for name in PUBLISHED}
    return {name: lines_of(own, parties(own, None)) for name, own in found.items()}


def one(simulated: Sequence[Lines], real: Sequence[Lines], embed: Embed, seed: int) -> dict[str, Any]:
    """Areas, baselines and every p-value after Holm."""
    found = {
        unit: discriminate(
            texts(real),
            texts(simulated),
            seeds=FOLD_SEEDS,
            permutations=PERMUTATIONS,
            seed=seed,
            embed=embed,
            most=MOST,
        )
        for unit, texts in (("turn", turn_texts), ("session", session_texts))
    }
    distributions, rates = ensemble(simulated, real, seed), behaviour_rates(simulated, real, seed=seed)
    sizes = len(simulated), len(real)
    answers = family_of(found["turn"], found["session"], distributions, rates, sizes, paired=False)
    by = {(a.question.group, a.question.name): a for a in answers}
    return {
        unit: {**d.row(), "p_holm": by[f"RL01 {unit}", ""].p} for unit, d in found.items()
    } | {
        "different": [n for (g, n), a in by.items() if g == "RL02" and a.shown], "distributions": len(distributions),
        "behaviours": [n for (g, n), a in by.items() if g == "RL06" and a.shown], "of_behaviours": len(rates),
    }  # fmt: skip


def rank(
    data: Path, reference: str, split: str, runs: Mapping[str, str], seeds: Sequence[int], out: Path, vectors: Path
) -> None:
    """Every source against the reference under every seed, appended to OUT; a killed run goes on."""
    unseen, other = references(data, reference, split)
    print(f"{reference} {split}: {len(unseen)} sessions of services in none of {TRAINED_ON}, {len(other)} others")
    pool = lines_of(unseen, {"user"})
    sources, kept = sources_of(data, runs, other), Kept(vectors)
    out.parent.mkdir(parents=True, exist_ok=True)
    done = {(r["source"], r["seed"]) for r in rows_of(out)}
    for seed in seeds:
        order = np.random.default_rng([seed, 10]).permutation(len(pool))
        real = [pool[i] for i in order[:SESSIONS]]
        null = {f"people, {reference} {split}, other sessions": [pool[i] for i in order[SESSIONS : 2 * SESSIONS]]}
        for name, own in (null | sources).items():
            if (name, seed) in done:
                continue
            drawn = np.random.default_rng([seed, 11]).permutation(len(own))[:SESSIONS]
            row = one([own[i] for i in drawn], real, kept.embed, seed)
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"source": name, "seed": seed, "n": len(drawn), **row}) + "\n")
            kept.save()


def rows_of(out: Path) -> list[dict[str, Any]]:
    """What was measured so far."""
    return [json.loads(x) for x in out.read_text("utf-8").splitlines()] if out.is_file() else []


def table(out: Path) -> None:
    """The ranking, most real first: means over seeds, with the widest limits of any of them."""
    by: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(out):
        by.setdefault(row["source"], []).append(row)
    print("| source | seeds | turn area (95 %) | session area (95 %) | told apart, turn, session | length only | "
          "format only | of the distributions, unlike |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, own in sorted(by.items(), key=lambda item: np.mean([r["turn"]["auc"] for r in item[1]])):
        areas = [span([r[unit] for r in own]) for unit in UNITS]
        told = [f"{sum(r[unit]['p_holm'] <= 0.05 for r in own)}/{len(own)}" for unit in UNITS]
        plain = [f"{np.mean([r['turn'][k] for r in own]):.3f}" for k in ("length_only", "format_only")]
        always = [d for d in own[0]["different"] if all(d in r["different"] for r in own)]
        mean = np.mean([len(r["different"]) / r["distributions"] for r in own])
        print(f"| {name} | {len(own)} | {' | '.join(areas)} | {', '.join(told)} | {' | '.join(plain)} "
              f"| {mean:.0%}; always {', '.join(always) or '-'} |")  # fmt: skip


def span(found: Sequence[Mapping[str, Any]]) -> str:
    """Mean area, and the lowest and highest limit of any seed."""
    low, high = min(d["ci"][0] for d in found), max(d["ci"][1] for d in found)
    return f"{np.mean([d['auc'] for d in found]):.3f} ({low:.3f} to {high:.3f})"
