"""compare: two runs over the same scenarios, paired, over all sessions and over those whose goal can be trusted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.door.gap_numbers import paired
from assay.errors import BadInput
from assay.records.base import rounded
from assay.records.outcome import Outcome, Picks
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.records.storage import read
from assay.runs.folder import RunFolder

Measure = Callable[[Session, Outcome], float | None]
"""A number of one session; None where it does not have it."""

SHARES: Mapping[str, Measure] = {
    "complete": lambda s, o: float(o.status == "complete"),
    "attempted": lambda s, o: float(o.status == "attempted"),
    "incomplete": lambda s, o: float(o.status == "incomplete"),
    "refused_rightly": lambda s, o: float(o.refused),
    "refused_wrongly": lambda s, o: float(o.wrongly_refused),
    "granted_wrongly": lambda s, o: float(o.wrongly_granted),
    "flagged": lambda s, o: float(bool(s.flags)),
    "hit_at_1": lambda s, o: _of(o.picks, lambda p: p.hit_at_1),
    "hit_at_3": lambda s, o: _of(o.picks, lambda p: p.hit_at_3),
    "accepted": lambda s, o: _of(o.picks, lambda p: p.accepted is not None),
}
"""Yes or no per session: compared as shares, with an exact McNemar p."""
COUNTS: Mapping[str, Measure] = {
    "user_turns": lambda s, o: float(o.user_turns),
    "user_words": lambda s, o: float(o.user_words),
    "assistant_words": lambda s, o: float(o.assistant_words),
    "tool_calls": lambda s, o: float(o.tool_calls),
    "tool_errors": lambda s, o: float(o.tool_errors),
    "regret": lambda s, o: _of(o.picks, lambda p: p.regret),
    "turns_to_acceptance": lambda s, o: _of(o.picks, lambda p: p.turns_to_acceptance),
}
"""Numbers per session: compared as means, over the pairs in which both sessions have one."""
TRUSTED = ("certified", "provisional")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs."""

    folder: Path
    config: Mapping[str, Any]
    scenarios: Mapping[str, Scenario]
    sessions: Mapping[str, Session]
    trusted: frozenset[str] | None
    """Sessions whose goal label is certified or provisional; None where no labels were written."""


def compare(directory_a: str | Path, directory_b: str | Path) -> dict[str, Any]:
    """The paired difference B minus A of two runs over the same scenarios.

    Per measure: means `a` and `b`, `difference`, `ci` (95 %, paired by scenario; null below 10 pairs), `n` pairs; for
    shares also the discordant pairs and the exact two-sided McNemar `p`. Over all sessions and over those whose goal
    label is trusted in both runs; overall and by goal, where `p_holm` is corrected over the goals. Scenarios of which a
    session is missing on either side are left out and counted.

    Raises BadInput for a folder without sessions, without outcomes, or with other scenarios.

    *Guarantee*: scenarios are independent draws; intervals as `gap_numbers.paired` (tests/laws/test_gap_laws.py). The
    McNemar p is exact given the number of discordant pairs: tests/laws/test_compare_laws.py.
    """
    a, b = _side(Path(directory_a)), _side(Path(directory_b))
    shared = _shared(a, b)
    both = [i for i in shared if i in a.sessions and i in b.sessions]
    if not both:
        raise BadInput(
            "no scenario has a session in both runs",
            where=f"{a.folder} and {b.folder}",
            now="run the failed sessions again: the same `assay run` command goes on",
        )
    differs = sorted(k for k in {*a.config, *b.config} if a.config.get(k) != b.config.get(k))
    out: dict[str, Any] = {
        "a": _about(a, shared),
        "b": _about(b, shared),
        "differs": {k: [a.config.get(k), b.config.get(k)] for k in differs},
        "scenarios": len(shared),
        "pairs": len(both),
        "all": _table(a, b, both),
    }
    if a.trusted is None or b.trusted is None:
        without = a if a.trusted is None else b
        out["trusted"] = {
            "pairs": 0,
            "reason": f"no labels.jsonl in {without.folder}: `assay verify`, then `assay report`",
        }
    else:
        sure = [i for i in both if a.sessions[i].id in a.trusted and b.sessions[i].id in b.trusted]
        out["trusted"] = _table(a, b, sure) if sure else {"pairs": 0, "reason": "no goal label is trusted in both runs"}
    done: dict[str, Any] = rounded(out)
    return done


def _side(folder: Path) -> Side:
    run = RunFolder(folder)
    config = run.run().get("config")
    if config is None or not run.has("sessions.jsonl") or not run.has("scenarios.jsonl"):
        raise BadInput("not a run folder with sessions", where=str(folder), now="make one with `assay run`")
    scenarios: dict[str, Scenario] = {s.id: s for s in read(folder, "scenarios")}
    sessions: dict[str, Session] = {str(s.scenario): s for s in read(folder, "sessions")}
    if any(s.outcome is None for s in sessions.values()):
        raise BadInput("its sessions have no outcome", where=str(folder), now="make the run again with this version")
    trusted = None
    if run.has("labels.jsonl"):
        rows = read(folder, "labels")
        trusted = frozenset(r.session for r in rows if r.name == "goal" and r.turn is None and r.tier in TRUSTED)
    return Side(folder, config, scenarios, sessions, trusted)


def _shared(a: Side, b: Side) -> list[str]:
    """Scenarios that both runs have. Raises BadInput where an id stands for two different ones, or none is shared."""
    ids = [i for i in a.scenarios if i in b.scenarios]
    other = [i for i in ids if a.scenarios[i].hash != b.scenarios[i].hash]
    if ids and not other:
        return ids
    first = other[0] if other else ""
    what = f"{first} is not the same in both ({len(other)} of {len(ids)} differ)" if first else "no scenario in common"
    apart = sum(len({side.scenarios[i].blueprint for side in (a, b)}) > 1 for i in other)
    why = "the blueprints differ" if apart else "seed or blueprint differ"
    raise BadInput(
        f"the two runs have different scenarios: {what}",
        where=f"{a.folder} and {b.folder}",
        now=f"{why}: run both with the same blueprint, -n and --seed",
    )


def _about(side: Side, shared: Sequence[str]) -> dict[str, Any]:
    return {
        "directory": str(side.folder),
        "assistant": side.config.get("assistant"),
        "sessions": len(side.sessions),
        "missing": sum(i not in side.sessions for i in shared),
    }


def _table(a: Side, b: Side, ids: Sequence[str]) -> dict[str, Any]:
    pairs = [(a.sessions[i], b.sessions[i]) for i in ids]
    goals = sorted({a.scenarios[i].goal for i in ids})
    by_goal = {
        goal: _measures([pair for i, pair in zip(ids, pairs, strict=True) if a.scenarios[i].goal == goal])
        for goal in goals
    }
    _holm([measures["complete"] for measures in by_goal.values()])
    return {"pairs": len(pairs), "overall": _measures(pairs), "by_goal": by_goal}


def _measures(pairs: Sequence[tuple[Session, Session]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, measure in {**SHARES, **COUNTS}.items():
        both = [(measure(x, _outcome(x)), measure(y, _outcome(y))) for x, y in pairs]
        values = [(x, y) for x, y in both if x is not None and y is not None]
        if values and (name not in ("tool_calls", "tool_errors") or any(x or y for x, y in values)):
            out[name] = _difference(values, share=name in SHARES)
    return out


def _difference(values: Sequence[tuple[float, float]], *, share: bool) -> dict[str, Any]:
    found = paired([y - x for x, y in values], bounded=share)
    out: dict[str, Any] = {
        "a": sum(x for x, _ in values) / len(values),
        "b": sum(y for _, y in values) / len(values),
        "difference": found.point,
        "ci": None if found.low is None or found.high is None else [found.low, found.high],
        "n": len(values),
    }
    if found.flag:
        out["flag"] = found.flag
    if share:
        only_a, only_b = sum(x > y for x, y in values), sum(y > x for x, y in values)
        out |= {"only_a": only_a, "only_b": only_b, "p": mcnemar(only_a, only_b)}
    return out


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p of McNemar's test: discordant pairs fall either way with probability one half.

    *Guarantee*: given the number of discordant pairs and no difference, P(p <= x) <= x for every x; 1 without such
    pairs. Proven by tests/laws/test_compare_laws.py.
    """
    from scipy.stats import binom

    n = only_a + only_b
    return 1.0 if n == 0 else min(1.0, 2 * float(binom.cdf(min(only_a, only_b), n, 0.5)))


def _holm(rows: Sequence[dict[str, Any]]) -> None:
    """Write Holm's corrected p beside each of these."""
    worst = 0.0
    for rank, row in enumerate(sorted(rows, key=lambda r: float(r["p"]))):
        worst = max(worst, min(1.0, (len(rows) - rank) * row["p"]))
        row["p_holm"] = worst


def _outcome(session: Session) -> Outcome:
    assert session.outcome is not None
    return session.outcome


def _of(picks: Picks | None, value: Callable[[Picks], float | None]) -> float | None:
    found = value(picks) if picks is not None else None
    return None if found is None else float(found)
