"""A made-up run folder: what a small support run could look like, written with the records alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from assay.records import (
    Certificate,
    Claim,
    Disclosure,
    Estimate,
    Label,
    Quote,
    Scenario,
    Session,
    Turn,
    Verdict,
    labels_of,
)
from assay.records.storage import write_json, write_rows

GOALS = {
    "return_item": (0.4, "return a product", "give_reason", "reason"),
    "exchange_item": (0.2, "exchange a product", "give_new_variant", "new_variant"),
    "track_order": (0.25, "track an order", "ask_delivery_day", None),
    "warranty_claim": (0.15, "claim the warranty", "give_problem", "problem"),
}
CORE = {
    "open_with_item": "state_goal",
    "give_order_number": "inform",
    "give_reason": "inform",
    "give_new_variant": "inform",
    "give_problem": "inform",
    "ask_delivery_day": "request",
    "accept": "confirm",
    "decline": "reject",
    "thank": "thank",
    "complain": "complain",
    "bye": "bye",
    "decline_to_say": "withhold",
}
ITEMS = ("smart watch", "electric kettle", "e-reader", "wireless mouse", "robot vacuum")
VALUES = {
    "reason": ("it arrived with a cracked screen", "I ordered it twice by mistake", "a part is missing"),
    "new_variant": ("the black one", "the newer model"),
    "problem": ("it does not turn on", "the battery lasts only an hour"),
}
ASKS = {
    "reason": "May I ask why you want to return it?",
    "new_variant": "Which version would you like instead?",
    "problem": "What is wrong with it?",
}
CERTIFICATE_COST = (
    "A certificate that at most 5 % of the accepted labels are wrong (risk 5 %) needs 59 answers if none is wrong, "
    "93 with one wrong, 124 with two, plus 40 on planted wrong labels to measure the assessors."
)
GATED = {
    "act": (True, 0.71),
    "core_act": (True, 0.83),
    "goal": (False, 0.31),
    "slots.order_number": (True, 0.94),
    "slots.item": (True, 0.88),
    "slots.reason": (False, 0.42),
}
NO_READER = "no independent reader"


def scenario(index: int, rng: np.random.Generator) -> Scenario:
    goal = str(rng.choice(list(GOALS), p=[g[0] for g in GOALS.values()]))
    slots = {"item": str(rng.choice(ITEMS)), "order_number": f"NB-{rng.integers(10000, 99999)}"}
    detail = GOALS[goal][3]
    if detail:
        slots[detail] = str(rng.choice(VALUES[detail]))
    return Scenario(
        id=f"s{index:05d}",
        seed=7,
        blueprint="b" * 64,
        goal=goal,
        slots=slots,
        profile={
            "patience": str(rng.choice(["low", "medium", "high"])),
            "disclosure": str(rng.choice(["forthcoming", "reluctant"], p=[0.6, 0.4])),
        },
        persona={"agreeableness": 0.4, "neuroticism": 0.7},
        context={"emotion": str(rng.choice(["calm", "annoyed", "worried"])), "medium": "web chat"},
        facts={
            "user": {"order_number": slots["order_number"], "true_reason": "found the same thing cheaper elsewhere"},
            "assistant": {"goodwill": "25 euro voucher"},
        },
    )


def session(drawn: Scenario, rng: np.random.Generator) -> Session:
    goal, slots = drawn.goal, drawn.slots
    _, words, act, detail = GOALS[goal]
    turns: list[Turn] = []

    def says(text: str, act: str) -> None:
        turns.append(Turn(speaker="assistant", text=text, realised_by="reference", extra={"act": act}))

    def user(act: str, text: str, **said: str) -> None:
        labels: dict[str, Any] = {"act": act, "core_act": CORE[act], **({"slots": said} if said else {})}
        turns.append(
            Turn(speaker="user", text=text, labels=labels, realised_by="template" if rng.random() < 0.15 else "model")
        )

    says("Hello, this is the support chat. How can I help?", "welcome")
    user(
        "open_with_item",
        f"Hi there! So I'm trying to {words}, it's about the {slots['item']} I got last week.",
        item=slots["item"],
    )
    says("Could you give me your order number?", "ask_order_number")
    if rng.random() < 0.3:
        user("decline_to_say", "Why do you need that, exactly?")
        says("I need it to find your order, nothing else. Could you give it to me?", "explain_why")
    user("give_order_number", f"Sure, the order number is {slots['order_number']}.", order_number=slots["order_number"])
    if detail:
        says(ASKS[detail], f"ask_{detail}")
        user(act, f"Well, {slots[detail]}.", **{detail: slots[detail]})
        says("I can do that for you and it should take about five days, nothing to pay. Shall I go ahead?", "offer")
        ok = rng.random() < 0.75
        user(
            "accept" if ok else "decline",
            "Yes please, that works for me." if ok else "Hmm, no, I'd rather not wait that long.",
        )
    else:
        says("I found it. Everything is on its way.", "status_found")
        user(act, "Which day will it arrive?")
        ok = True
    says("Done. Is there anything else I can help with?" if ok else "I am sorry, there is no other way.", "done")
    user("thank" if ok else "complain", "Great, thanks a lot!" if ok else "That is really disappointing.")
    user_end = "resolved" if ok else str(rng.choice(["refused", "gave_up"]))
    return Session(
        id=drawn.id,
        turns=tuple(turns),
        source="assay blueprint returns",
        language="en",
        mode="agents",
        end=user_end,
        session_labels={
            "goal": goal,
            "profile": dict(drawn.profile),
            "persona": {"agreeableness": "mid", "neuroticism": "high"},
            "context": dict(drawn.context),
        },
        private=drawn.facts,
        scenario=drawn.id,
        scenario_hash=drawn.hash,
        disclosures=(Disclosure(turn=3, party="user", fact="order_number"),),
        sub_goals={"tell.order_number": "complete", "learn.refund_time": "attempted"},
    )


def verdicts(made: Session, rng: np.random.Generator) -> list[Verdict]:
    found: list[Verdict] = []
    for turn, one in enumerate(made.turns):
        if one.speaker != "user":
            continue
        core = one.labels["core_act"]
        wrong = rng.random() < 0.12
        found.append(
            Verdict(
                code="LB01",
                session=made.id,
                turn=turn,
                name="core_act",
                status="contradicted" if wrong else "supported",
                score=0.08 if wrong else round(float(rng.uniform(0.6, 0.99)), 3),
                read="request" if wrong else core,
                by="human-turns-1",
                independent=True,
            )
        )
        found.append(
            Verdict(
                code="LB01",
                session=made.id,
                turn=turn,
                name="act",
                score=0.7,
                read=one.labels["act"],
                status="supported",
                by="rules",
                independent=False,
            )
        )
        for slot, value in one.labels.get("slots", {}).items():
            found.append(
                Verdict(
                    code="LB02",
                    session=made.id,
                    turn=turn,
                    name=f"slots.{slot}",
                    status="supported",
                    score=1.0,
                    read=value,
                    evidence=(Quote(turn=turn, quote=value),),
                    by="span",
                    independent=True,
                )
            )
        if rng.random() < 0.04:
            found.append(
                Verdict(
                    code="CO05",
                    session=made.id,
                    turn=turn,
                    status="contradicted",
                    by="repeat",
                    independent=True,
                    evidence=(Quote(turn=turn, quote=one.text[:12]),),
                )
            )
    goal_words = GOALS[made.session_labels["goal"]][1]
    found.append(
        Verdict(
            code="LB02",
            session=made.id,
            turn=1,
            name="goal",
            status="supported",
            score=0.9,
            by="span",
            evidence=(Quote(turn=1, quote=goal_words),),
            independent=True,
        )
    )
    for name in ("profile.patience", "context.emotion"):
        found.append(
            Verdict(code="LB01", session=made.id, name=name, status="not_applicable", reason="no_power", by="embedded")
        )
    if rng.random() < 0.1:
        found.append(
            Verdict(
                code="IA01",
                session=made.id,
                turn=1,
                name="private.user.order_number",
                status="contradicted",
                by="exact",
                independent=True,
                evidence=(Quote(turn=1, quote="last week"),),
            )
        )
    return found


def labels(made: Session, said: list[Verdict]) -> list[Label]:
    out = []
    for given in labels_of(made):
        mine = [
            v for v in said if v.name == given.name and v.turn in (given.turn, 1 if given.turn is None else -1, None)
        ]
        mine += [v for v in said if v.name is None and v.turn == given.turn and given.turn is not None]
        against = sorted({v.code for v in mine if v.status == "contradicted"})
        independent = [v for v in mine if v.independent and v.status == "supported"]
        gate = GATED.get(given.name)
        tier, reasons = "suspect", ["no_independent_reader"]
        if "CO05" in against:
            tier, reasons = "rejected", ["CO05"]
        elif independent and not against:
            tier, reasons = ("provisional", [independent[0].code]) if gate and gate[0] else ("suspect", ["no_power"])
        elif against:
            reasons = against
        out.append(
            Label(
                id=given.id,
                session=given.session,
                turn=given.turn,
                name=given.name,
                kind=given.kind,
                value=given.value,
                source=given.source,
                authored=given.value,
                tier=tier,
                reasons=tuple(reasons),
                rank_score=(independent[0].score or 0.3) if independent else 0.3,
                verdicts={v.code: v.status for v in mine},
                distribution={str(given.value): 0.9, "__other__": 0.1} if mine else {},
            )
        )
    return out


def power() -> dict[str, Any]:
    rows = []
    for name, (_, low) in GATED.items():
        for operator, kind in (("act_swap", "label"), ("act_swap", "text"), ("label_shuffle", "label")):
            recall = min(low + 0.1, 0.99)
            rows.append(
                {
                    "operator": "slot_swap" if name.startswith("slots.") and operator == "act_swap" else operator,
                    "kind": kind,
                    "draw": "uniform",
                    "name": name,
                    "check": "LB02" if name.startswith("slots.") or name == "goal" else "LB01",
                    "independent": True,
                    "unit": "label",
                    "n_faults": 214 if kind == "label" else 118,
                    "n_planted": 220,
                    "n_originals": 214,
                    "clusters": 140,
                    "recall": recall,
                    "recall_ci": [recall - 0.06, min(recall + 0.05, 1.0)],
                    "false_alarm": 0.05,
                    "false_alarm_ci": [0.03, 0.08],
                    "difference_lower": low,
                    "auroc": 0.93,
                }
            )
    rows.append(
        {
            "operator": "repeat",
            "kind": "text",
            "name": None,
            "check": "CO05",
            "unit": "turn",
            "n_faults": 120,
            "n_originals": 120,
            "recall": 0.97,
            "recall_ci": [0.93, 0.99],
            "false_alarm": 0.01,
            "false_alarm_ci": [0.0, 0.03],
            "difference_lower": 0.9,
            "auroc": None,
            "something_new": 1,
        }
    )
    rows.append(
        {
            "operator": "generic",
            "kind": "text",
            "name": None,
            "check": "CO05",
            "unit": "turn",
            "n_faults": 9,
            "n_originals": 9,
            "recall": 0.44,
            "recall_ci": [None, None],
            "false_alarm": 0.0,
            "false_alarm_ci": [None, None],
            "difference_lower": None,
            "auroc": None,
        }
    )
    gates = {
        n: {"passed": ok, "lowest": low, "reason": "" if ok else f"act_swap/text: lower limit {low} < 0.5"}
        for n, (ok, low) in GATED.items()
    }
    gates |= {
        n: {"passed": False, "lowest": None, "reason": NO_READER} for n in ("profile.patience", "context.emotion")
    }
    return {
        "schema": 1,
        "sessions": 320,
        "from": "assay/blueprints/returns.power.json",
        "model": "embedded",
        "results": rows,
        "gates": gates,
        "no_power": [["LB01", "profile.patience"]],
        "not_measured": {"goal": ["systematic"]},
    }


BLUEPRINT = """
schema: 1
name: returns
goals:
  return_item: {weight: 0.4}
  exchange_item: {weight: 0.2}
  track_order: {weight: 0.25}
  warranty_claim: {weight: 0.15}
profile:
  disclosure: {values: {forthcoming: 0.6, reluctant: 0.4}}
  patience: {values: [low, medium, high]}
slots:
  item: {values: [smart watch, electric kettle, e-reader, wireless mouse, robot vacuum]}
"""


def run_json(n: int) -> dict[str, Any]:
    return {
        "schema": 1,
        "command": "demo",
        "version": "0.1.0",
        "seed": 7,
        "arguments": {"blueprint": "returns", "n": n},
        "config": {"n": n, "seed": 7, "model": "embedded", "assistant": "reference", "judge": []},
        "blueprint": {"name": "returns", "title": "Support chat of an online electronics store", "hash": "b" * 64},
        "models": {"user": "SmolLM2-135M-Instruct Q4_1 + customer adapter", "assistant": "reference"},
        "git": {"commit": "0123456789abcdef", "dirty": False},
        "started": "2026-01-01T00:00:00Z",
        "stages": {"author": {"done": True, "n": n, "rejected": 1}, "simulate": {"done": True, "n": n, "failed": 0}},
        "notes": ["language-model checks ran on a random 40 labels"],
        "unknown_key": {"x": 1},
    }


USAGE = {
    "calls": {"sent": 171, "cached": 12, "repeated": 0, "failed": 1},
    "tokens": {"prompt": 15230, "prompt_cached": 5120, "generated": 4310},
    "by_purpose": {
        "word": {"sent": 131, "prompt": 11000, "generated": 4190},
        "read": {"sent": 40, "prompt": 4230, "generated": 120},
    },
    "money": None,
    "plan": {"generated": 8000, "prompt": 12000},
    "seconds": 148.2,
}


def granted() -> Certificate:
    claim = Claim(
        name="pooled",
        names=("core_act", "slots.order_number"),
        alpha=0.05,
        delta=0.05,
        threshold=0.8,
        accepted=120,
        listed=200,
        n_answers=93,
        wrong=1,
        bound=0.0499,
        granted=True,
        reason="At most 5 % of 120 accepted labels are wrong (risk 5 %).",
    )
    return Certificate(
        status="granted",
        claims=(claim,),
        looks=1,
        assumes=("assessors never pass a wrong label",),
        estimate=Estimate(error=0.04, ci=(0.01, 0.09)),
        plan={"sentence": CERTIFICATE_COST},
    )


def make_run(
    directory: Path, n: int = 20, *, certificate: Certificate | None = None, more: tuple[Session, ...] = ()
) -> list[Session]:
    """Write a whole run folder of n made-up sessions, plus `more`; returns the sessions."""
    rng = np.random.default_rng(7)
    drawn = [scenario(i, rng) for i in range(n)]
    sessions = [session(s, rng) for s in drawn] + list(more)
    said = [verdicts(s, rng) if s.authored else [] for s in sessions]
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / "run.json", run_json(n))
    (directory / "blueprint.yaml").write_text(BLUEPRINT)
    write_rows(directory / "scenarios.jsonl", drawn)
    write_rows(directory / "sessions.jsonl", sessions)
    write_rows(directory / "verdicts.jsonl", [v for vs in said for v in vs])
    write_rows(directory / "labels.jsonl", [x for s, vs in zip(sessions, said, strict=True) for x in labels(s, vs)])
    write_json(directory / "power.json", power())
    (directory / "usage.json").write_text(json.dumps(USAGE))
    certificate = certificate or Certificate(status="not_requested", plan={"sentence": CERTIFICATE_COST})
    write_json(directory / "certificate.json", certificate.row())
    return sessions
