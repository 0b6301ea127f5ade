"""gap: the same scenarios as agents, as a script and as mindreaders, and in both regimes (METHODS 2.5 and 8, RL07)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.door.checking import offline_verifier, verify_stage
from assay.door.gap_arms import Arms, Asked, make_arms
from assay.door.gap_numbers import (
    LEAST_PAIRS,
    MARGIN,
    MEASURES,
    Readings,
    Survival,
    paired,
    position,
    readings,
    survival,
)  # fmt: skip
from assay.door.making import blueprint_of, plan_of
from assay.door.sync import run_sync
from assay.door.trusting import labels_stage
from assay.records.base import rounded
from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.records.storage import write_json
from assay.records.verdict import Verdict
from assay.runs.engine import Progress, silent
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger
from assay.stats.intervals import Interval, cluster_mean, rate_difference

CONTROL = ("script", "mindreaders")
"""Modes whose labels are suspect until their names survive."""


def gap(directory: str | Path, *, progress: Progress = silent, **asked: Any) -> dict[str, Any]:
    """Talk the same scenarios through as agents (twice), as a script and as mindreaders, and report what differs.

    The folder is an agents run (whose scenarios, seed and model are taken), or gets one in `agents` when `blueprint`
    names one. asked: fields of `Asked` (blueprint, n, model, seed, assistant, regimes, max_failed). Arms are run
    folders below it; the same call goes on where it stopped. Writes gap.json and gap.html, and survival.json into the
    arms `script` and `mindreaders`, whose labels then get their tiers.

    Returns the content of gap.json. Raises BadInput for a folder with nothing to compare, RunMismatch for arms of
    another configuration, and, after all other arms and the report are written, what an arm's model raised.
    """
    from assay.pages.gap import write_gap_page

    folder, wanted = Path(directory), Asked(**asked)
    arms = make_arms(folder, wanted, progress)
    found = rounded(compare_arms(arms, wanted))
    write_json(folder / "gap.json", found)
    for mode in CONTROL:
        if mode in arms.sessions and found["survival"] is not None:
            _tiers(arms, mode, found, progress)
    write_gap_page(folder, found)
    for error in arms.failed.values():
        raise error
    return dict(found)


def compare_arms(arms: Arms, asked: Asked) -> dict[str, Any]:
    """The content of gap.json, from whatever arms there are."""
    names = [a for a in arms.paths if a in arms.sessions]
    values = {a: _values(arms, a) for a in names}
    measures = [_measure_row(i, arms, values) for i in range(len(MEASURES))]
    read = {a: readings(_blind(arms.blueprint, arms.plan.seed, list(arms.sessions[a].values()))) for a in names}
    surviving = _survivals(arms, read)
    return {
        "schema": 1,
        "scenarios": len(arms.scenarios),
        "model": arms.plan.model,
        "assistant": arms.plan.assistant,
        "seed": arms.plan.seed,
        "arms": {a: _arm_row(arms, a) for a in arms.paths},
        "measures": measures,
        "survival": None if surviving is None else [s.row() for s in surviving],
        "not_read": _not_read(arms, read),
        "disclosure": disclosure(arms.blueprint, arms.scenarios, arms.sessions["agents"]),
        "regimes": _regimes(arms) if asked.regimes else None,
        "differs": _differs(measures, surviving),
        "caveats": _caveats(arms),
        "rules": {"margin": MARGIN, "least_pairs": LEAST_PAIRS, "noise_floor": "agents-2"},
    }


def _arm_row(arms: Arms, arm: str) -> dict[str, Any]:
    failed = arms.failed.get(arm)
    if failed is not None:
        return {"path": str(arms.paths[arm].name), "sessions": 0, "missing": [], "error": failed.what}
    made = arms.sessions[arm]
    own = [t for s in made.values() for t in s.turns if t.speaker == "user"]
    scripts = [s.extra["script"] for s in made.values() if "script" in s.extra]
    row = {
        "path": "." if arms.paths[arm].name not in arms.paths else arms.paths[arm].name,
        "sessions": len(made),
        "missing": [i for i in arms.scenarios if i not in made],
        "error": None,
        "template_share": sum(t.realised_by == "template" for t in own) / len(own) if own else None,
        "non_interference": all(s.non_interference is not False for s in made.values()),
    }
    return row | ({"unparsable": sum(bool(s["unparsable"]) for s in scripts)} if scripts else {})


def _values(arms: Arms, arm: str) -> list[dict[str, float]]:
    """One mapping (session -> figure) per measure."""
    made = arms.sessions[arm]
    out = []
    for m in MEASURES:
        figures = {i: m.of(arms.blueprint, arms.scenarios[i], s) for i, s in made.items()}
        out.append({i: x for i, x in figures.items() if x is not None})
    return out


def _measure_row(number: int, arms: Arms, values: Mapping[str, list[dict[str, float]]]) -> dict[str, Any]:
    measure = MEASURES[number]
    bounded = measure.unit != "words"
    means: dict[str, Any] = {}
    differences: dict[str, Any] = {}
    for arm, held in values.items():
        x = held[number]
        means[arm] = _interval(cluster_mean(list(x.values()), list(x), proportion=bounded)) if x else None
        both = [i for i in arms.shared("agents", arm) if i in x and i in values["agents"][number]]
        if arm != "agents" and both:
            d = paired([x[i] - values["agents"][number][i] for i in both], bounded=bounded)
            differences[arm] = {**_interval(d), "differs": d.low is not None and (d.low > 0 or (d.high or 0) < 0)}
    return {
        "name": measure.name, "title": measure.title, "unit": measure.unit, "arms": means, "differences": differences,
    }  # fmt: skip


def _interval(found: Interval) -> dict[str, Any]:
    return {"value": found.point, "low": found.low, "high": found.high, "n": found.clusters, "flag": found.flag}


def _blind(blueprint: Blueprint, seed: int, sessions: Sequence[Session]) -> list[Verdict]:
    """What independent readers read, without the in-house ones."""
    verify = offline_verifier(blueprint, seed, frozenset({"LB01"}), printed=False)
    return [v for v in verify(sessions) if v.code == "LB01"]


def _survivals(arms: Arms, read: Mapping[str, Readings]) -> list[Survival] | None:
    """None without the two agents draws that give the noise floor."""
    if "agents-2" not in read:
        return None
    out = []
    for mode in CONTROL:
        if mode in read:
            ids = arms.shared("agents", "agents-2", mode)
            out += survival(mode, ids, {a: read[a] for a in ("agents", "agents-2", mode)})
    return out


def _not_read(arms: Arms, read: Mapping[str, Readings]) -> list[str]:
    """Label names that no blind reader reads: they stay suspect in script and mindreaders."""
    from assay.records.label import labels_of

    have = {g.name for s in arms.sessions["agents"].values() for g in labels_of(s)}
    return sorted(have - {name for found in read.values() for _, name in found})


def _caveats(arms: Arms) -> list[str]:
    """What a difference can also come from, besides what a party knows."""
    out = []
    if "script" in arms.sessions:
        who = "the built-in assistant" if arms.plan.assistant == "reference" else arms.plan.assistant
        out.append(
            f"In the script {arms.plan.model} also writes the assistant's lines, which {who} speaks among agents: "
            "goals that are not reached there can be the model's writing as well as what it knew."
        )
    if "mindreaders" in arms.sessions and arms.plan.assistant == "reference":
        out.append(
            "The built-in assistant that knows the slots asks for none of them, so mindreading users hardly say any: "
            "their first mentions count as never."
        )
    if len(arms.scenarios) < LEAST_PAIRS:
        out.append(f"{len(arms.scenarios)} scenarios can show that a label differs, never that it survives.")
    return out


def _differs(measures: Sequence[Mapping[str, Any]], surviving: Sequence[Survival] | None) -> list[str]:
    """What differs, in sentences; the intervals are not adjusted for their number."""
    out = []
    for row in measures:
        for arm, d in row["differences"].items():
            if d["differs"] and arm != "agents-2":
                out.append(
                    f"{row['title']}: {arm} {d['value']:+.3g} against agents "
                    f"(95 % interval {d['low']:.3g} to {d['high']:.3g}, {d['n']} paired scenarios)"
                )
    for s in surviving or ():
        if s.difference.low is not None and s.difference.point < -MARGIN:
            out.append(
                f"label {s.name}: {s.mode} agrees {s.agreement:.0%} with agents, agents among themselves {s.noise:.0%} "
                f"(lower limit of the difference {100 * s.difference.low:+.1f} points, {s.difference.n} pairs)"
            )
    return out


def disclosure(
    blueprint: Blueprint, scenarios: Mapping[str, Scenario], sessions: Mapping[str, Session]
) -> list[dict[str, Any]] | None:
    """Withholding and first mentions by the profile's `disclosure`; None where the profile has no such attribute.

    Each row: value, sessions, share of sessions with a refusal to say what was asked, mean first-mention position; rows
    after the first also the difference from it with a 95 % interval and a Mann-Whitney p of the positions.
    """
    groups: dict[str, list[tuple[str, float, float | None]]] = {}
    for i, s in sessions.items():
        value = scenarios[i].profile.get("disclosure")
        if value is not None:
            held = any(t.labels.get("core_act") == "withhold" for t in s.turns)
            groups.setdefault(str(value), []).append((i, float(held), position(blueprint, scenarios[i], s)))
    out: list[dict[str, Any]] = []
    for value, rows in sorted(groups.items()):
        told = [p for _, _, p in rows if p is not None]
        row: dict[str, Any] = {
            "disclosure": value, "sessions": len(rows), "withheld": sum(w for _, w, _ in rows) / len(rows),
            "first_mention": sum(told) / len(told) if told else None,
        }  # fmt: skip
        if out:
            row |= _against(next(iter(sorted(groups.items())))[1], rows)
        out.append(row)
    return out or None


def _against(
    first: Sequence[tuple[str, float, float | None]], rows: Sequence[tuple[str, float, float | None]]
) -> dict[str, Any]:
    from scipy.stats import mannwhitneyu

    withheld = rate_difference(
        ([w for _, w, _ in rows], [i for i, _, _ in rows]), ([w for _, w, _ in first], [i for i, _, _ in first]),
        side="two",
    )  # fmt: skip
    a, b = [p for _, _, p in rows if p is not None], [p for _, _, p in first if p is not None]
    test = mannwhitneyu(a, b) if a and b else None
    return {
        "withheld_more": _interval(withheld),
        "first_mention_later": (sum(a) / len(a) - sum(b) / len(b)) if test else None,
        "p": float(test.pvalue) if test else None,
    }


def _regimes(arms: Arms) -> dict[str, Any] | None:
    """Blind recovery (LB01) per label name in both regimes, on the same scenarios; None when one could not be made."""
    other = next((a for a in arms.paths if a in ("controlled", "conditioned")), None)
    if other is None or other not in arms.sessions:
        return None
    own = "controlled" if other == "conditioned" else "conditioned"
    ids = arms.shared("agents", other)
    arm = {own: "agents", other: other}
    found = {r: _hits(arms, arm[r], ids) for r in ("controlled", "conditioned")}
    out = {}
    for name in sorted({n for hits in found.values() for n in hits}):
        cells = {r: found[r].get(name, ([], [], [])) for r in found}
        row: dict[str, Any] = {r: _recovery(cell) for r, cell in cells.items()}
        a, b = cells["conditioned"], cells["controlled"]
        if a[0] and b[0]:
            row["difference"] = _interval(rate_difference((a[0], a[1]), (b[0], b[1]), side="two"))
        out[name] = row
    return {"paired": len(ids), "names": out, "note": "slots.* in the controlled regime were held to by a guard"}


def _recovery(cell: tuple[list[float], list[str], list[float]]) -> dict[str, Any] | None:
    hits, sessions, worded = cell
    if not hits:
        return None
    return {**_interval(cluster_mean(hits, sessions)), "labels": len(hits), "model_worded": sum(worded) / len(worded)}


def _hits(arms: Arms, arm: str, ids: Sequence[str]) -> dict[str, tuple[list[float], list[str], list[float]]]:
    """Label name -> (read as authored, session, worded by the model) per label that a blind reader could read."""
    made = {i: arms.sessions[arm][i] for i in ids}
    out: dict[str, tuple[list[float], list[str], list[float]]] = {}
    for v in _blind(arms.blueprint, arms.plan.seed, list(made.values())):
        if v.name is None or v.status in ("not_applicable", "unparsed"):
            continue
        hits, sessions, worded = out.setdefault(v.name, ([], [], []))
        turn = made[v.session].turns[v.turn] if v.turn is not None else None
        hits.append(float(v.status == "supported"))
        sessions.append(v.session)
        worded.append(float(turn is None or turn.realised_by == "model"))
    return out


def _tiers(arms: Arms, mode: str, found: Mapping[str, Any], progress: Progress) -> None:
    """Write which names survived this mode into its folder, and give its labels their tiers."""
    rows = {r["name"]: r for r in found["survival"] if r["mode"] == mode}
    with RunFolder(arms.paths[mode]) as folder:
        names = {n: {k: v for k, v in r.items() if k not in ("name", "mode")} for n, r in rows.items()}
        write_json(folder.file("survival.json"), {"schema": 1, "mode": mode, "margin": MARGIN, "names": names})
        with Ledger(folder.path) as ledger:
            run_sync(verify_stage(folder, blueprint_of(folder), plan_of(folder), ledger, progress=progress))
        labels_stage(folder, progress)
