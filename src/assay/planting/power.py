"""Power: what share of planted faults each check catches here, and how often it cries wolf on the originals."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from assay.errors import BadInput, RunMismatch
from assay.planting.battery import Battery, Checks, Verify
from assay.planting.broken import Observe, broken_labels
from assay.planting.faults import OPERATORS, Made, Order, carry_out, check_order
from assay.planting.figures import Fault, Spoken, both, by_operator, figures, speaks
from assay.planting.gates import MIN_FAULTS, gates, no_power
from assay.planting.label_operators import MAX_VALUES
from assay.planting.matching import ORDER, SILENT, Check, Said, Target, Word, asked
from assay.planting.operator import Job, Operator
from assay.planting.run import Aids, Reword, Run
from assay.planting.truth import Kind
from assay.records import Session, Verdict
from assay.records.base import rounded
from assay.records.label import key_of

SPARE = 1.2
"""Faults planted for each one that a gate needs, since some break only one of two labels."""
MAX_RATE = 0.5
"""Largest share of a label name that is broken in one copy: beyond it the copy is no longer a run with some faults."""
MIN_SESSIONS = 300
"""Sessions on which power must be measured before another run may use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    operators: tuple[str, ...] | None = None
    """Operators to try; null: all."""
    rounds: int = 5
    """Faulty copies per way of planting at most; a further one is made while a label name has too few faults."""
    kinds: tuple[Kind, ...] = ("label", "text", "systematic")
    """Kinds of fault to plant."""
    confusable: bool = True
    """Whether acts are also swapped for the one that the checks most often take for them."""
    aids: Aids = field(default_factory=Aids)
    """Pools, gates and persona lines."""
    progress: Callable[[int, int], None] | None = None
    """Called with (ways of planting done, all of them)."""
    observe: Observe | None = None
    """Called with every copy: which labels are wrong in it, and what was said before and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One way of planting."""

    operator: str
    """Operator."""
    kind: Kind
    """Kind of fault."""
    draw: Literal["uniform", "confusable"] = "uniform"
    """How the wrong value is drawn."""
    names: frozenset[str] | None = None
    """Label names."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Words on the units of one trial and one label name: (unit, in the faulty copy, in the original) by check."""

    n_faults: int = 0
    """Distinct faults planted."""
    words: dict[Check, list[Spoken]] = field(default_factory=lambda: defaultdict(list))
    """Check -> its words on the faults that it was asked about."""
    faults: list[Fault] = field(default_factory=list)
    """Every fault, with the words of all checks that were asked."""


def measure(
    originals: Sequence[Session], verify: Verify | Battery, *, seed: int, rate: float,
    blueprint_hash: str, verifier: str, model: str, reword: Reword | None = None, plan: Plan | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Plant every operator into copies of a run, verify each copy as a whole, and count. Returns power.json.

    rate: share of the eligible units in one copy, in (0, 1]; raised, up to 0.5, for label names that would otherwise
    not reach 100 faults. verify is called once on the originals and once per copy, and must put a session and its
    faulty copy (same id) into the same fold; a Battery says which checks need only see what
    changed. Recall = share of faults at whose unit the check says `contradicted` in
    the copy; false alarm = the same on the same units of the originals; units left out for the budget count in neither.

    *Guarantee*: `difference_lower` is the one-sided lower 95 % limit of recall minus false alarm, sessions being the
    clusters and independent (`stats.intervals.rate_difference`); faults of one session may depend in any way. Proven by
    tests/laws/test_interval_laws.py; that a blind check has no power and deranged labels pass no gate, by
    tests/planting/test_plant_power.py. The planted rate is our choice: nothing here says how often labels are wrong.

    Raises BadInput for a rate outside (0, 1], a negative seed or an unknown operator in the plan.
    """
    plan = plan or Plan()
    aids = replace(plan.aids, reword=reword) if reword is not None else plan.aids
    for name in plan.operators or ("blank",):
        kind = OPERATORS[name].kinds[0] if name in OPERATORS else "label"
        check_order(Order(operator=name, kind=kind, rate=rate, seed=seed))
    run = Run(originals)
    checks = Checks(verify, run)
    trials, missing = plan_trials(run, checks.verdicts, plan, aids)
    confusable = most_confusable(run, checks.verdicts) if plan.confusable else {}
    tallies: dict[tuple[Trial, str | None], Tally] = {}
    for done, trial in enumerate(trials, 1):
        if trial.draw == "uniform" or confusable:
            own = replace(aids, confusable=confusable) if trial.draw == "confusable" else aids
            _try(checks, trial, own, (seed, rate, plan.rounds), tallies, plan.observe)
        if plan.progress is not None:
            plan.progress(done, len(trials))
    results = [row for (trial, name), tally in tallies.items() for row in _rows(trial, name, tally)]
    results.sort(key=lambda r: (r["operator"], r["kind"], r["draw"], r["name"] or "", r["check"], not r["independent"]))
    power = {
        "schema": 1, "blueprint": blueprint_hash, "verifier": verifier, "model": model, "sessions": len(run.sessions),
        "from": None, "seed": seed, "rate": rate, "results": results,
        "gates": gates(results, run.names(), _readers(checks.verdicts), missing),
        "no_power": no_power(results),
        "not_measured": missing,
        "status_rates": _status_rates(run, checks.before, tallies),
        **_table(trials, tallies),
        "not_asked": sorted({code for code, _ in checks.costly}),
    }  # fmt: skip
    return dict(rounded(power))


def _table(trials: Sequence[Trial], tallies: Mapping[tuple[Trial, str | None], Tally]) -> dict[str, Any]:
    """Operator x check over all label names, all checks together, what no check catches, what could not be planted."""
    table: list[dict[str, Any]] = []
    composite: list[dict[str, Any]] = []
    idle: list[dict[str, Any]] = []
    for trial in trials:
        faults = [f for (other, _), t in tallies.items() if other == trial for f in t.faults]
        way = {"operator": trial.operator, "kind": trial.kind, "draw": trial.draw,
               "unit": OPERATORS[trial.operator].scope}  # fmt: skip
        if faults:
            rows, joint = by_operator(way, faults)
            table += rows
            composite.append(joint)
        else:
            idle.append(way)
    return {
        "table": table, "composite": composite, "not_planted": idle,
        "uncaught": [{k: r[k] for k in ("operator", "kind", "draw")} for r in composite if r["caught"] is False],
    }  # fmt: skip


def plan_trials(
    run: Run, verdicts: Iterable[Verdict], plan: Plan, aids: Aids
) -> tuple[list[Trial], dict[str, list[str]]]:
    """All ways of planting that a check could notice here, and per label name the kinds that can't be made."""
    read = {v.name for v in verdicts if v.name is not None and v.status != "not_applicable"} & set(run.names())
    named, other = _label_names(run, read)
    trials = [
        Trial(operator=o, kind=kind) for o, spec in OPERATORS.items() if spec.scope != "label" for kind in spec.kinds
    ]
    missing: dict[str, list[str]] = defaultdict(list)
    for operator, names in named.items():
        for kind in OPERATORS[operator].kinds if names else ():
            if kind in OPERATORS[operator].model and aids.reword is None and all(s.authored for s in run.sessions):
                for name in _with_core(names):
                    missing[name].append(kind)
            elif not (operator == "slot_swap" and kind == "label" and named["act_swap"] >= names):
                trials.append(Trial(operator=operator, kind=kind, names=frozenset(names)))
    for name in _with_core(named["act_swap"]) if not plan.confusable else ():
        missing[name].append("most confusable")
    for name in other:
        missing[name] = ["text", "systematic"]
    confused = frozenset(named["act_swap"] if plan.confusable else ())
    trials += [
        Trial(operator="act_swap", kind="label", names=frozenset(other)),
        Trial(operator="act_swap", kind="label", draw="confusable", names=confused),
        Trial(operator="label_shuffle", kind="label", names=frozenset(named["act_swap"])),
    ]
    wanted = [t for t in trials if t.names != frozenset() and t.kind in plan.kinds]
    chosen = [t for t in wanted if plan.operators is None or t.operator in plan.operators]
    return chosen, {name: kinds for name, kinds in sorted(missing.items())}


def _with_core(names: set[str]) -> set[str]:
    """A swapped act breaks the core act as well."""
    return names | {"core_act"} if names == {"act"} else names


def _label_names(run: Run, read: set[str]) -> tuple[dict[str, set[str]], set[str]]:
    """(operator -> label names that it breaks and a check reads, other names that a check reads)."""
    if not any(s.authored for s in run.sessions):
        few = {n for n in read if max(len(c) for (m, _), c in run.counts.items() if m == n) <= MAX_VALUES}
        goals = {n for n in few if n == "goal" or n.startswith("goal.")}
        return {"act_swap": few, "slot_swap": read, "goal_swap": goals}, set()
    named = {
        "act_swap": {"act"} if read & {"act", "core_act"} else set(),
        "slot_swap": {n for n in read if n.startswith("slots.")},
        "goal_swap": {"goal"} & read,
    }
    return named, read - {"core_act"}.union(*named.values())


def most_confusable(run: Run, verdicts: Iterable[Verdict]) -> dict[tuple[str, str], Any]:
    """(name, value) -> the other value of the run that the checks' annotators most often read in its place."""
    values = {(place.name, run.sessions[place.session].id, place.turn): key_of(place.value) for place in run.places}
    raws = {(name, key): raw for (name, _), by_key in run.raws.items() for key, raw in by_key.items()}
    reads: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for verdict in verdicts:
        own = values.get((verdict.name or "", verdict.session, verdict.turn))
        if own is not None and verdict.read not in (None, own) and (verdict.name, verdict.read) in raws:
            reads[(verdict.name or "", own)][str(verdict.read)] += 1
    return {
        (name, own): raws[(name, min(counts, key=lambda read, c=counts: (-c[read], read)))]  # type: ignore[misc]
        for (name, own), counts in reads.items()
    }


def _try(
    checks: Checks, trial: Trial, aids: Aids, how: tuple[int, float, int],
    tallies: dict[tuple[Trial, str | None], Tally], observe: Observe | None = None,
) -> None:  # fmt: skip
    """Plant one trial's faults into as many copies as its label names need, and add up what the checks say."""
    seed, rate, rounds = how
    spec, run = OPERATORS[trial.operator], checks.run
    seen: set[tuple[Target, str]] = set()
    for number in range(rounds):
        mine = {name: t.n_faults for (other, name), t in tallies.items() if other == trial}
        rates = next_rates(run, spec, trial, aids, rate, mine)
        if not rates:
            return
        order = Order(
            operator=spec.name,
            kind=trial.kind,
            rate=rates,
            seed=seed,
            names=trial.names,
            round=number,
            aids=aids,
            pairs_for=round(SPARE * MIN_FAULTS),
        )
        try:
            drafts, made, _ = carry_out(run, spec, order)
        except BadInput:
            return
        after, asked_checks = checks.after(drafts, spec)
        if observe is not None:
            wrong = broken_labels(run, spec, made)
            observe(wrong, checks.verdicts, checks.last, frozenset(c[0] for c in asked_checks))
        faults = [f for f in targets(run, spec, made) if f not in seen]
        seen |= set(faults)
        for target in dict.fromkeys(t for t, _ in faults):
            name = spec.counts_as or (target.name if spec.scope == "label" else None)
            _count(tallies.setdefault((trial, name), Tally()), target, spec, (after, checks.before), asked_checks)


def _count(tally: Tally, target: Target, spec: Operator, said: tuple[Said, Said], checks: Sequence[Check]) -> None:
    """Add what every check says of one fault, in the copy and in the original."""
    tally.n_faults += 1
    by_code: dict[str, list[tuple[Word, Word]]] = defaultdict(list)
    for check in checks:
        faulty, original = (s.word(check, target, spec.scope, spec.counts_as) for s in said)
        if asked(faulty) and asked(original):
            tally.words[check].append((target, faulty, original))
            by_code[check[0]].append((faulty, original))
    joined = {code: (both(f for f, _ in pairs), both(o for _, o in pairs)) for code, pairs in by_code.items()}
    tally.faults.append((target, joined))


def next_rates(
    run: Run, spec: Operator, trial: Trial, aids: Aids, rate: float, have: Mapping[str | None, int]
) -> float | dict[str | None, float]:
    """Rate of the next copy: by label name, for those that have too few faults; 0 or empty when all have enough."""
    job = Job(run=run, kind=trial.kind, names=trial.names, aids=aids)
    sizes = Counter(unit.name for unit in spec.units(job))
    if spec.scope != "label":
        total = sum(sizes.values())
        return 0.0 if have or not total else _rate(rate, total)
    short = {n: s for n, s in sizes.items() if have.get(n, 0) < MIN_FAULTS}
    if trial.kind == "systematic":
        return {name: 1.0 for name in sorted(short, key=str)}
    return {name: _rate(rate, short[name]) for name in sorted(short, key=str)}


def _rate(rate: float, eligible: int) -> float:
    return max(rate, min(MAX_RATE, SPARE * MIN_FAULTS / eligible))


def targets(run: Run, spec: Operator, made: Sequence[Made]) -> list[tuple[Target, str]]:
    """(unit, what it was changed to) of every fault: one per label that broke, else per turn or session."""
    found: dict[tuple[Target, str], None] = {}
    for unit, edits in made:
        session = run.sessions[unit.session].id
        if spec.scope == "session":
            found[(Target(session, None, None), key_of(edits[0].after))] = None
            continue
        for edit in edits:
            turn = unit.place.turn if unit.place is not None else edit.turn
            found[(Target(session, turn, edit.name), key_of(edit.after))] = None
    return list(found)


def _rows(trial: Trial, name: str | None, tally: Tally) -> list[dict[str, Any]]:
    """Results of every check that speaks about these units at all."""
    return [
        {
            "operator": trial.operator, "kind": trial.kind, "draw": trial.draw, "name": name,
            "check": check[0], "independent": check[1], "unit": OPERATORS[trial.operator].scope,
            "n_faults": len(words), "n_planted": tally.n_faults, **figures(words),
        }
        for check, words in sorted(tally.words.items())
        if speaks(words)
    ]  # fmt: skip


def _readers(verdicts: Iterable[Verdict]) -> dict[str, set[str]]:
    """Label name -> codes of the checks that have independent support for it anywhere."""
    readers: dict[str, set[str]] = defaultdict(set)
    for v in verdicts:
        if v.name is not None and v.independent and not v.guard and v.status == "supported":
            readers[v.name].add(v.code)
    return readers


def _status_rates(
    run: Run, before: Said, tallies: Mapping[tuple[Trial, str | None], Tally]
) -> dict[str, dict[str, dict[str, dict[str, int]]]]:
    """check -> label name -> how often each status is given to faulty and to original labels.

    Faulty: every planted fault of that name whose wrong value was not drawn to be confusable or shuffled. Original:
    every label of that name in the run.
    """
    faulty: dict[tuple[str, str], dict[Target, list[Word]]] = defaultdict(lambda: defaultdict(list))
    for (trial, name), tally in tallies.items():
        if name is None or trial.draw != "uniform" or OPERATORS[trial.operator].scope != "label":
            continue
        for (code, _), words in tally.words.items() if trial.operator != "label_shuffle" else ():
            for target, word, _ in words:
                faulty[(code, name)][target].append(word)
    rates: dict[str, dict[str, dict[str, dict[str, int]]]] = {}
    for (code, name), by_target in sorted(faulty.items()):
        said = Counter(_merge(words) for words in by_target.values())
        said0 = Counter(
            _merge([before.word((code, inside), target, "label") for inside in (False, True)])
            for target in _all_targets(run, name)
        )
        if set(said) | set(said0) - {None}:
            rates.setdefault(code, {})[name] = {"faulty": _counts(said), "original": _counts(said0)}
    return rates


def _all_targets(run: Run, name: str) -> list[Target]:
    return [Target(run.sessions[p.session].id, p.turn, name) for p in run.places if p.name == name and run.owned(p)]


def _merge(words: Iterable[Word]) -> str | None:
    found = [w.status for w in words if w.status is not None]
    return min(found, key=ORDER.index) if found else SILENT.status


def _counts(statuses: Counter[str | None]) -> dict[str, int]:
    return {s: statuses[s] for s in ORDER if statuses[s]}


def borrow(power: Mapping[str, Any], *, blueprint_hash: str, verifier: str, origin: str) -> dict[str, Any]:
    """Power measured elsewhere, for a run too small to measure its own; `from` says where it comes from.

    Raises RunMismatch when it was measured on another blueprint or verifier, BadInput on fewer than 300 sessions.
    """
    for field_name, mine in (("blueprint", blueprint_hash), ("verifier", verifier)):
        if power[field_name] != mine:
            raise RunMismatch(
                f"power was measured on another {field_name}: {power[field_name]} there, {mine} here",
                where=origin,
                now="measure it on this run (assay power DIR), or take the file that belongs to it",
            )
    if power["sessions"] < MIN_SESSIONS:
        raise BadInput(
            f"power was measured on {power['sessions']} sessions, fewer than {MIN_SESSIONS}",
            where=origin,
            now=f"measure it on a run of at least {MIN_SESSIONS} sessions",
        )
    return {**power, "from": origin}
