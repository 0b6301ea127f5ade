"""Judges at work: a plan of what they will be asked, the asking itself within a budget, and what it was worth."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from assay.door.asking import plan_row, read_by_asking
from assay.door.judge_calls import Purse, ask_all
from assay.door.making import check_models
from assay.door.options import Plan
from assay.door.prices import price_table
from assay.errors import BadInput
from assay.models.names import is_asked, is_embedded, model_of
from assay.planting.contradiction import contradicted
from assay.records.verdict import Verdict
from assay.runs.engine import Progress, silent
from assay.runs.ledger import Ledger
from assay.runs.purse import Price, Prices
from assay.verification import model_reader
from assay.verification.check import Corpus, readable
from assay.verification.consistency import judged
from assay.verification.judges import conformance, trial
from assay.verification.judges.cost import Call, by_check, plan_of, total
from assay.verification.judges.orders import REASON as SPEAKS
from assay.verification.judges.orders import addressed
from assay.verification.judges.prompt import Answers, Form, JudgePrompt, form_of
from assay.verification.judges.sheets import NO_WORDS, Filled, core_acts, sheets_of
from assay.verification.judges.targets import Target, drawn, left_out, options_of, targets_of
from assay.verification.minds import reading
from assay.verification.minds.probes import Probe, probes
from assay.verification.minds.states import NO_LEDGER, states, without_ledger
from assay.verification.reliability import verdicts as agreement

READ_BY_DEFAULT = 200
"""Labels that a judge who was named without --limit reads."""
PERSONA = frozenset(judged.CODES)
"""Checks that a judge does beside the offline scorer, of speakers with a persona."""
JUDGED = frozenset({"LB01", "LB02", "RE01", "PT01", "PT02"}) | agreement.CODES | PERSONA
"""Checks that a judge can do."""
AGAIN = frozenset({"RE01"}) | agreement.CODES
"""Checks of repeated readings."""
BLIND = frozenset({"LB01"}) | AGAIN
"""Checks that read the same blind questions."""
PT = frozenset(reading.CODES)
LEAVES = "sending"
"""Stage that says which host the text goes to: shown even where no progress is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one judge said of a corpus."""

    judge: str
    verdicts: tuple[Verdict, ...]
    trials: tuple[dict[str, Any], ...]
    """Rows of power.json's `judges`."""
    usage: dict[str, Any] = field(default_factory=dict)
    """Sessions read and left out for the budget; per check calls and tokens, in sum and per session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All prompts of one judge's reading."""

    judge: str
    form: Form
    questions: tuple[model_reader.Question, ...]
    claims: tuple[conformance.Claim, ...]
    probes: tuple[Probe, ...] = ()
    filled: tuple[Filled, ...] = ()
    """Sheets that hold these questions; none: each is a call of its own."""
    targets: tuple[Target, ...] | None = None
    """Labels that are asked about; None: those that `drawn` names."""
    wordless: tuple[Target, ...] = ()
    """Goals of sessions that no line could tell."""
    persona: tuple[judged.Part, ...] = ()
    """Sheets about speakers and their personas; their answers come after all others."""

    @property
    def prompts(self) -> list[JudgePrompt]:
        """Questions first, then claims, then probes."""
        return [*(q.ask for q in self.questions), *(c.ask for c in self.claims), *(p.ask for p in self.probes)]

    @property
    def calls(self) -> list[Call]:
        """What is sent, in order."""
        return [f.sheet for f in self.filled] if self.filled else list(self.prompts)


def judges_of(plan: Plan) -> tuple[str, ...]:
    """The language models that read: as asked, else the embedded base model for sessions worded by the embedded one."""
    if plan.judge:
        return plan.judge
    return ("embedded-base",) if plan.model == "embedded" and plan.judged_labels else ()


def judged_plan(
    plan: Plan, judge: Sequence[str], labels: int | None, max_cost: float | None, price: Sequence[str], *,
    apart: bool = False,
) -> Plan:  # fmt: skip
    """A run's plan with the judges of this command in place of its own. Raises BadInput for what cannot be."""
    if labels == 0 and (judge or judges_of(plan)):
        raise BadInput("--limit 0 lets a judge read nothing", now="leave the judge out, or e.g. --limit 200")
    change: dict[str, Any] = {"apart": True} if apart else {}
    if judge:
        change |= {"judge": tuple(judge)}
    if labels:
        change |= {"judged_labels": labels}
    if max_cost is not None:
        change |= {"max_cost": max_cost}
    if price:
        change |= {"price": tuple(price)}
    elif plan.price:
        # what a run's other models cost is no matter of its judges
        names = tuple(judge) or judges_of(plan)
        change |= {"price": tuple(p for p in plan.price if p.rpartition("=")[0] in names)}
    made = replace(plan, **change).check()
    check_models(replace(made, model="template", assistant="reference"))
    check_budget(made)
    return made


def labels_read(plan: Plan) -> int:
    """Labels that each judge reads."""
    return plan.judged_labels or (READ_BY_DEFAULT if plan.judge else 0)


def by_sheets(plan: Plan) -> bool:
    """Whether a named judge reads whole sessions at once. The judge of a run that named none reads labels apart."""
    return bool(plan.judge) and not plan.apart


def asked_for(plan: Plan, codes: frozenset[str]) -> dict[str, Any]:
    """What makes one reading another: which checks of how many labels, and the money for it."""
    way = {"sheets": True} if by_sheets(plan) else {}
    return {"checks": sorted(codes & JUDGED), "labels": labels_read(plan), "max_cost": plan.max_cost, **way}


def price_of(judge: str, plan: Plan) -> Price | None:
    """USD per million tokens: as given by --price, 0 for what runs on this machine, None where nobody said.

    Raises BadInput for a price of another form.
    """
    given = prices_of(plan)
    named = given.get(judge, given.get(judge.partition("@")[0]))
    return named if named is not None else None if _remote(judge) else Price(0.0, 0.0)


def prices_of(plan: Plan) -> dict[str, Price]:
    """The prices that were given. Raises BadInput for one of another form."""
    return price_table(plan.price)


def check_budget(plan: Plan, *, whole: bool = False) -> None:
    """Raises BadInput for a budget that cannot be kept, or a price of something that is no judge of this plan.

    whole: the budget is for all models of a run, not for its judges alone.
    """
    others = (plan.model, plan.assistant, plan.grow_with) if whole else ()
    names = [*judges_of(plan), *(m for m in others if m not in ("", "template", "reference"))]
    prices_of(plan)
    # a table in a file may name whatever it likes
    said = price_table([p for p in plan.price if "=" in p])
    if strange := set(said) - {*names, *(n.partition("@")[0] for n in names)}:
        known = ", ".join(names) or "none"
        what = "no model of this run" if whole else "no judge here"
        raise BadInput(f"--price names {', '.join(sorted(strange))}, which is {what}", now=f"models: {known}")
    for name in names if plan.max_cost is not None else ():
        if price_of(name, plan) is None:
            raise BadInput(
                f"no price is known for {name}, so --max-cost cannot be kept", where="--max-cost",
                now=f"say what it costs: --price {name}=PROMPT/GENERATED (USD per million tokens)",
            )  # fmt: skip


def _remote(judge: str) -> str:
    """Host of a judge that is not on this machine; "" for the others."""
    judge = model_of(judge)
    if judge.startswith("http:"):
        from assay.models.http_assistant import HttpModel, read_spec

        model = HttpModel(judge, read_spec(judge.removeprefix("http:")))
        return "" if Prices({}).of(model.identity()) else model.host
    if not judge.startswith("openai:"):
        return ""
    from assay.models.endpoint import endpoint_of

    endpoint = endpoint_of(judge.removeprefix("openai:"))
    return "" if endpoint.is_loopback else endpoint.host


def asked_of(
    corpus: Corpus, judge: str, codes: frozenset[str], labels: int, *, seeing: bool, sheets: bool = False
) -> Asked:
    """The prompts of a reading. `seeing`: whether a judge was named: then LB02, which shows the label, and PT too.
    `sheets`: all labels of a session in one call, not one question a call."""
    form = form_of(judge)
    if sheets:
        again = bool(codes & AGAIN)
        made = sheets_of(
            corpus, labels, blind=bool(codes & BLIND), seeing="LB02" in codes, minds=bool(codes & PT), again=again
        )
        parts = judged.parts_of(corpus, codes & PERSONA, labels, contradicted) if codes & PERSONA else []
        start = len(made.questions) + len(made.claims) + len(made.probes)
        return Asked(
            judge=judge, form=form, questions=made.questions, claims=made.claims, probes=made.probes,
            filled=(*made.filled, *judged.filled(parts, start)), targets=made.targets, wordless=made.wordless,
            persona=tuple(parts),
        )  # fmt: skip
    blind = model_reader.questions(corpus, labels) if codes & BLIND else []
    claims = conformance.claims(corpus, labels, form) if seeing and "LB02" in codes else []
    minds = probes(states(corpus.sessions, labels, corpus.seed), corpus.seed) if seeing and codes & PT else []
    return Asked(judge=judge, form=form, questions=tuple(blind), claims=tuple(claims), probes=tuple(minds))


def planned(corpus: Corpus, plan: Plan, codes: frozenset[str]) -> dict[str, Any]:
    """What verifying these sessions would take, without asking anybody: calls exact, tokens estimated.

    `judges`: one row per judge, with calls and tokens per check and session; usd is null where no price is known, and
    `sessions` are those that --max-cost pays for. Raises BadInput for a price of another form.
    """
    rows = [_plan_row(corpus, judge, plan, codes) for judge in (judges_of(plan) if codes & JUDGED else ())]
    known = [r["usd"] for r in rows]
    usd = None if any(x is None for x in known) else float(f"{sum(known):.6g}")
    return {"sessions": len(corpus.sessions), "checks": sorted(codes), "judges": rows, "usd": usd}


def _plan_row(corpus: Corpus, judge: str, plan: Plan, codes: frozenset[str]) -> dict[str, Any]:
    price = price_of(judge, plan)
    if is_asked(judge):
        return plan_row(corpus, judge, labels_read(plan) if "LB01" in codes else 0, plan.max_cost, price)
    asked = asked_of(corpus, judge, codes, labels_read(plan), seeing=bool(plan.judge), sheets=by_sheets(plan))
    order, costs = plan_of(asked.calls, asked.form, plan.seed)
    paid = costs
    if plan.max_cost is not None and price is not None:
        spent = list(accumulate(total([c]).usd(price) for c in costs))
        paid = costs[: sum(x <= plan.max_cost for x in spent)]
    whole = total(paid)
    return {
        "judge": judge, "labels": labels_read(plan), "sessions": len(paid),
        "sessions_left_for_budget": len(order) - len(paid), **whole.row(),
        "usd": None if price is None else float(f"{whole.usd(price):.6g}"), "by_check": by_check(paid),
    }  # fmt: skip


async def read_with(
    corpus: Corpus, judge: str, plan: Plan, codes: frozenset[str], ledger: Ledger, progress: Progress = silent
) -> Reading:
    """Let one judge read a corpus: LB01 and RE01 to RE05 blind, LB02 for named judges; tried on planted labels.

    With `plan.max_cost` sessions are read in a seeded random order until the next one might go beyond it; the labels of
    the others, and those beyond the limit of labels, are `not_applicable: budget` (one verdict a session and name).
    Raises ProviderFailed when the judge fails.
    """
    if is_asked(judge):
        return await _asked_for_values(corpus, judge, plan, codes, ledger, progress)
    price = price_of(judge, plan)
    purse = Purse(plan.max_cost, price or Price(0.0, 0.0))
    independent = _independent(judge, plan)
    asked = asked_of(corpus, judge, codes, labels_read(plan), seeing=bool(plan.judge), sheets=by_sheets(plan))
    order, costs = plan_of(asked.calls, asked.form, plan.seed)
    if host := _remote(judge):
        progress(LEAVES, 0, len(order), f"text of {len(order)} sessions goes to {host}")
    answers = await ask_all(asked, order, costs, ledger, purse, progress)
    calls = asked.calls
    read = _read(asked, answers)
    made, trials, minds = _said(corpus, asked, answers, judge, independent)
    # what speaks to its judge is not believed, whatever the judge made of it
    spoken = {s.id for s in corpus.sessions if s.id in read and addressed(s)}
    rows = trial.rates([t for t in trials if t.session not in spoken], judge)
    made = [_unheard(v) if v.session in spoken else _powerless(v, trial.without_power(rows)) for v in made] + _unread(
        corpus, plan, asked, codes, read, judge
    )
    usage = {
        "judge": judge, "form": asked.form, "sheets": len(asked.filled), "speak_to_judge": len(spoken),
        "checks": sorted(codes & JUDGED), "labels": labels_read(plan),
        "sessions": len(read), "sessions_left_for_budget": len(order) - len(read),
        "usd": None if price is None else float(f"{purse.spent:.6g}"),
        "planned": by_check([c for held, c in zip(order, costs, strict=True) if calls[held[0]].session in read]),
        "by_check": purse.by_check(), **({"minds": minds} if minds else {}),
    }  # fmt: skip
    kept = tuple(v for v in made if v.code in codes)
    return Reading(judge=judge, verdicts=kept, trials=tuple(rows), usage=usage)


async def _asked_for_values(
    corpus: Corpus, judge: str, plan: Plan, codes: frozenset[str], ledger: Ledger, progress: Progress
) -> Reading:
    """The reading of a judge that is asked for values in words (door/asking.py)."""
    price = price_of(judge, plan)
    purse = Purse(plan.max_cost, price or Price(0.0, 0.0))
    if host := _remote(judge):
        progress(LEAVES, 0, 1, f"text of the sessions with slots goes to {host}")
    labels = labels_read(plan) if "LB01" in codes else 0
    made, rows, usage = await read_by_asking(corpus, judge, labels, _independent(judge, plan), ledger, purse, progress)
    found = [_powerless(v, trial.without_power(rows)) for v in made]
    usage["usd"] = None if price is None else usage["usd"]
    return Reading(judge=judge, verdicts=tuple(found), trials=tuple(rows), usage=usage)


def _independent(judge: str, plan: Plan) -> bool:
    """Whether a judge and the words have no weights in common: the embedded base made the words of its adapters too."""
    kin = [is_embedded(s) for s in (model_of(judge), plan.model)]
    return not all(kin) and model_of(judge) != plan.model


def _read(asked: Asked, answers: dict[int, tuple[Answers, str]]) -> set[str]:
    """Sessions of which something was answered."""
    if not asked.filled:
        return {p.session for i, p in enumerate(asked.prompts) if i in answers}
    return {f.sheet.session for f in asked.filled if any(i in answers for held in f.places for i in held)}


def _said(
    corpus: Corpus, asked: Asked, answers: dict[int, tuple[Answers, str]], judge: str, independent: bool
) -> tuple[list[Verdict], list[trial.Trial], dict[str, Any]]:
    """(verdicts, trials on wrong labels, figures of PT) of the answers that there are."""
    first, second = len(asked.questions), len(asked.questions) + len(asked.claims)
    blind = [(q, answers[i][0]) for i, q in enumerate(asked.questions) if i in answers]
    seen = [(c, answers[i]) for i, c in enumerate(asked.claims, first) if i in answers]
    knows = [(p, answers[i]) for i, p in enumerate(asked.probes, second) if i in answers]
    if asked.filled:
        blind += _core_acts(corpus, blind)
    found = conformance.readings([c for c, _ in seen], [a for _, a in seen], "json" if asked.filled else asked.form)
    minds = [p for p, _ in knows], [a for _, a in knows]
    places = Counter((q.session, q.turn, q.name) for q, _ in blind)
    again = [(q, a) for q, a in blind if places[q.session, q.turn, q.name] > 1]
    made = [
        *model_reader.verdicts([q for q, _ in blind], [a for _, a in blind], judge, independent),
        *agreement.agreement([q for q, _ in again], [a for _, a in again], judge, corpus.seed),
        *conformance.verdicts(found, judge, independent),
        *reading.verdicts(*minds, judge, independent),
    ]
    persona, tried = judged.verdicts(
        asked.persona, answers, second + len(asked.probes), judge, independent, corpus
    )  # fmt: skip
    made += persona
    trials = [
        *tried,
        *trial.blind_trials([q for q, _ in blind], [a for _, a in blind], corpus.seed),
        *trial.seeing_trials(found, corpus.seed),
        *reading.trials(*minds),
    ]
    return made, trials, reading.figures(*minds) if knows else {}


def _core_acts(
    corpus: Corpus, blind: Sequence[tuple[model_reader.Question, Answers]]
) -> list[tuple[model_reader.Question, Answers]]:
    """What the readings of acts say of the core acts."""
    book = corpus.blueprint
    if book is None:
        return []
    truth: dict[tuple[str, int | None], str] = {
        (s.id, i): str(t.labels["core_act"])
        for s in corpus.sessions for i, t in enumerate(s.turns) if "core_act" in t.labels
    }  # fmt: skip
    like = {name: act.like for name, act in book.user_acts.items()}
    made, said = core_acts([q for q, _ in blind], [a for _, a in blind], truth, like.__getitem__)
    return list(zip(made, said, strict=True))


def _unheard(verdict: Verdict) -> Verdict:
    """A verdict on a record that speaks to its judge."""
    if verdict.status == "not_applicable":
        return verdict
    more = {"status": "unparsed", "score": None, "read": None, "reason": SPEAKS, "independent": False, "evidence": ()}
    return verdict.model_copy(update=more)


def _powerless(verdict: Verdict, pairs: frozenset[tuple[str, str, str]]) -> Verdict:
    """A judge that cannot tell wrong labels of a name from right ones says nothing of that name (METHODS 9)."""
    if (verdict.by, verdict.code, verdict.name) not in pairs or verdict.status in ("unparsed", "not_applicable"):
        return verdict
    return verdict.model_copy(update={"status": "not_applicable", "reason": "no_power", "independent": False})


def _unread(
    corpus: Corpus, plan: Plan, asked: Asked, codes: frozenset[str], read: set[str], judge: str
) -> list[Verdict]:
    """One `not_applicable: budget` per session and name with labels that were not asked about."""
    known = options_of(corpus)
    coverable = [t for t in targets_of(corpus) if t.value in known.get(t.name, ())]
    picked = drawn(corpus, labels_read(plan), known) if asked.targets is None else list(asked.targets)
    done = [t for t in picked if t.session.id in read]
    if asked.filled and corpus.blueprint is not None:
        done += [t._replace(name="core_act") for t in done if t.name == "act"]
    wordless = {(t.session.id, t.turn, t.name) for t in asked.wordless}
    coverable = [t for t in coverable if (t.session.id, t.turn, t.name) not in wordless]
    held = [("LB01", left_out(coverable, done))] if asked.questions else []
    if asked.claims:
        seen = {c.place for c in asked.claims if c.target.session.id in read}
        covered = [t for t in coverable if t.name != "core_act" or corpus.blueprint is None]
        held.append(("LB02", left_out(covered, [t for t in covered if (t.session.id, t.turn, t.name) in seen])))
    left = [
        Verdict(code=code, session=session, name=name, status="not_applicable", reason="budget", by=judge)
        for code, pairs in held if code in codes
        for session, name in pairs
    ]  # fmt: skip
    left += [
        Verdict(code=code, session=t.session.id, name=t.name, status="not_applicable", reason=NO_WORDS, by=judge)
        for code, asks in (("LB01", asked.questions), ("LB02", asked.claims)) if code in codes and asks
        for t in asked.wordless
    ]  # fmt: skip
    if asked.filled and codes & PERSONA:
        left += judged.unread(corpus, codes, asked.persona, read, judge)
    if asked.probes:
        dumb, probed = set(without_ledger(corpus.sessions)), {p.state.session.id for p in asked.probes} & read
        left += [
            reading.none_of(s, code, NO_LEDGER if s.id in dumb else "budget", judge)
            for s in corpus.sessions if s.id not in probed and readable(s)
            for code in reading.CODES if code in codes
        ]  # fmt: skip
    return left


def judge_of(spec: str, ledger: Ledger) -> Any:
    """A judge as a plain function: prompts with options -> log-probability of their letters (None where unreadable).

    This is what a module that may not call models is given (`judges.prompt.Judge`). It opens the model at each call and
    works from code that runs in no event loop of its own or in one. Raises what the model raises.
    """
    from assay.door.sync import run_sync

    async def ask(prompts: Sequence[JudgePrompt]) -> list[Answers]:
        form = form_of(spec)
        order, costs = plan_of(prompts, form, 0)
        asked = _Prompts(judge=spec, form=form, questions=(), claims=(), given=tuple(prompts))
        found = await ask_all(asked, order, costs, ledger, Purse(None, Price(0.0, 0.0)), silent)
        return [found[i][0] for i in range(len(prompts))]

    def judge(prompts: Sequence[JudgePrompt]) -> list[Answers]:
        answered: list[Answers] = run_sync(ask(prompts))
        return answered

    return judge


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prompts(Asked):
    """Prompts that somebody else made."""

    given: tuple[JudgePrompt, ...] = ()

    @property
    def prompts(self) -> list[JudgePrompt]:
        """As they were given."""
        return list(self.given)
