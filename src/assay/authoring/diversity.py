"""How varied a set of scenarios and sessions is: pairwise coverage, entropies, names, persona copies, planned cells.

Published pipelines plan a grid and release what came out of it; one released set lost half of its planned subtopics
without a word, has one name in 72 % of its sessions, and copies four words in a row of a persona into 36 to 44 % of
them. Here every planned cell is present or reported. Entropies, names and rates are those of the prior arm where there
is one: rows of a covering array are chosen, so their shares mean nothing.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assay.authoring.feasible import SUBTOPIC, Pair, Space
from assay.authoring.layers import Pools, own_pools
from assay.authoring.near_duplicates import words
from assay.authoring.priors import band
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session

LISTED = 40
"""Absent or impossible cells that are listed by name; the others are counted."""
ARMS = ("prior", "covering")


def factor_values(scenario: Scenario) -> dict[str, str]:
    """Factor -> value of a scenario: goal, context fields, Big Five bands, subtopic."""
    found = {"goal": scenario.goal}
    found |= {f"context.{k}": str(v) for k, v in scenario.context.items()}
    found |= {f"persona.{k}": band(v) for k, v in scenario.persona.items()}
    return found | ({SUBTOPIC: scenario.subtopic} if scenario.subtopic else {})


def pairs_present(space: Space, scenarios: Iterable[Scenario]) -> set[Pair]:
    """Pairs of factor values that occur."""
    names = list(space.factors)
    rows = [factor_values(s) for s in scenarios]
    columns = [[row.get(name, "") for row in rows] for name in names]
    found: set[Pair] = set()
    for i, one in enumerate(names):
        for j in range(i + 1, len(names)):
            pairs = set(zip(columns[i], columns[j], strict=True))
            found |= {((one, a), (names[j], b)) for a, b in pairs if a and b}
    return found


def pairwise(space: Space, scenarios: Sequence[Scenario]) -> dict[str, Any]:
    """Share of the pairs that can occur which do occur, by arm; exact in counts, no interval: it is about this set."""
    able, impossible, undecided = space.pairs()
    seen = {arm: pairs_present(space, [s for s in scenarios if s.arm == arm]) for arm in ARMS}
    # what occurs can occur, whatever the search made of it
    able = able.union(*seen.values())
    arms = {
        arm: {
            "scenarios": sum(s.arm == arm for s in scenarios),
            "present": len(seen[arm]),
            "share": _share(len(seen[arm]), len(able)),
        }
        for arm in ARMS
        if any(s.arm == arm for s in scenarios)
    }
    return {"possible": len(able), "impossible": impossible, "undecided": undecided, "by_arm": arms}


def entropy(values: Sequence[str], domain: int) -> dict[str, Any]:
    """Entropy of a field in bits, and as a share of the largest there could be: log2(min(domain, n)).

    `domain`: number of values that can be drawn. The plug-in estimate, which is low for small n (by about
    (values - 1) / (2 n ln 2) bits).
    """
    counts, n = Counter(values), len(values)
    bits = -sum(c / n * math.log2(c / n) for c in counts.values()) if n else 0.0
    most = math.log2(min(max(domain, len(counts)), n)) if n and min(max(domain, len(counts)), n) > 1 else 0.0
    return {
        "bits": round(abs(bits), 4),
        "share_of_max": round(bits / most, 4) if most else None,
        "values": len(counts),
        "domain": max(domain, len(counts)),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def entropies(space: Space, scenarios: Sequence[Scenario]) -> dict[str, dict[str, Any]]:
    """Field -> entropy: every factor, then persona lines and names."""
    rows = [factor_values(s) for s in scenarios]
    found = {name: entropy([r[name] for r in rows if name in r], len(v)) for name, v in space.factors.items()}
    lines = sum(len(s.personas) for s in space.pools.subtopics.values())
    found["persona.line"] = entropy([s.persona_line for s in scenarios], lines)
    names = [s.name for s in scenarios]
    found["name"] = entropy(names, len(names))
    return found


def top_share(values: Sequence[str]) -> dict[str, Any]:
    """The value that occurs most and its share; the first in the alphabet where several do."""
    counts = Counter(v for v in values if v)
    if not counts:
        return {"value": None, "count": 0, "share": None}
    value = min(counts, key=lambda v: (-counts[v], v))
    return {"value": value, "count": counts[value], "share": _share(counts[value], len(values))}


def four_grams(text: str) -> set[tuple[str, ...]]:
    """Runs of four case-folded words."""
    own = words(text)
    return {tuple(own[i : i + 4]) for i in range(len(own) - 3)}


def copies(persona: Iterable[str], texts: Iterable[str]) -> bool:
    """Whether any text has four words in a row of any persona line."""
    grams: set[tuple[str, ...]] = set().union(*(four_grams(line) for line in persona))
    return bool(grams) and any(grams & four_grams(text) for text in texts)


def persona_copied(scenarios: Sequence[Scenario], sessions: Sequence[Session]) -> dict[str, Any]:
    """Sessions whose user's own text has a 4-gram of the persona line or of a behaviour."""
    by_id = {s.id: s for s in scenarios}
    pairs = [(by_id[str(s.scenario)], s) for s in sessions if s.scenario in by_id]
    hit = sum(
        copies((p.persona_line, *p.behaviours.values()), (t.text for t in s.turns if t.speaker == "user"))
        for p, s in pairs
    )
    return {"sessions": hit, "n": len(pairs), "share": _share(hit, len(pairs))}


def cells(space: Space, scenarios: Sequence[Scenario]) -> dict[str, dict[str, Any]]:
    """Every planned cell: present, absent from this set, or impossible under the constraints.

    Cells are topic x subtopic, topic x subtopic x goal, and subtopic x persona line.
    """
    pools = space.pools
    if not pools.subtopics:
        return {}
    plan = [(t, name) for name, s in pools.subtopics.items() for t in s.topic]
    goals = list(space.blueprint.goals)
    able = {cell: space.possible({"context.topic": cell[0], SUBTOPIC: cell[1]}) is not False for cell in plan}
    with_goal = {
        (t, name, g): able[t, name]
        and space.possible({"context.topic": t, SUBTOPIC: name, "goal": g}) is not False
        for t, name in plan
        for g in pools.subtopics[name].when.get("goal", tuple(goals))
    }  # fmt: skip
    lines = {(name, p.text): True for name, s in pools.subtopics.items() for p in s.personas}
    return {
        "topic x subtopic": _cells(able, {(s.topic, s.subtopic) for s in scenarios}),
        "topic x subtopic x goal": _cells(with_goal, {(s.topic, s.subtopic, s.goal) for s in scenarios}),
        "subtopic x persona": _cells(lines, {(s.subtopic, s.persona_line) for s in scenarios}),
    }


def _cells(planned: Mapping[Any, bool], seen: set[Any]) -> dict[str, Any]:
    absent = [" / ".join(c) for c, able in planned.items() if able and c not in seen]
    impossible = [" / ".join(c) for c, able in planned.items() if not able and c not in seen]
    return {
        "planned": len(planned),
        "present": sum(c in seen for c in planned),
        "absent": len(absent),
        "impossible": len(impossible),
        "absent_cells": absent[:LISTED],
        "impossible_cells": impossible[:LISTED],
    }


def diversity_report(
    blueprint: Blueprint,
    scenarios: Sequence[Scenario],
    sessions: Sequence[Session] | None = None,
    pools: Pools | None = None,
) -> dict[str, Any]:
    """How varied scenarios are, and with `sessions` how much of the personas stands in the users' words.

    Keys: n, arm (whose shares are given), pairwise, entropy, top_name, cells, removed (near-duplicates: count and
    list), grown, dropped, rejected, rejection_rate, persona_copied (null without sessions). `pools`: the run's own,
    where a model added to them. All figures are about this set of scenarios, not estimates of anything.
    """
    space = Space(blueprint, pools if pools is not None else own_pools(blueprint))
    arm = "prior" if any(s.arm == "prior" for s in scenarios) else "covering"
    own = [s for s in scenarios if s.arm == arm]
    rejected = sum(s.rejected for s in own)
    removed = space.pools.removed
    return {
        "n": len(scenarios),
        "arm": arm,
        "pairwise": pairwise(space, scenarios),
        "entropy": entropies(space, own),
        "top_name": top_share([s.name for s in own]),
        "cells": cells(space, scenarios),
        "removed": {
            "subtopics": sum(r.kind == "subtopic" for r in removed),
            "personas": sum(r.kind == "persona" for r in removed),
            "list": [
                {"kind": r.kind, "where": r.where, "text": r.text, "like": r.like, "rouge_l": r.rouge_l,
                 "origin": r.origin}
                for r in removed[:LISTED]
            ],
        },
        "grown": dict(space.pools.grown),
        "dropped": list(space.pools.dropped),
        "rejected": rejected,
        "rejection_rate": _share(rejected, rejected + len(own)),
        "persona_copied": None if sessions is None else persona_copied(scenarios, [s for s in sessions if s.authored]),
    }  # fmt: skip
