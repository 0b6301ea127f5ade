"""Script mode: one model call writes the whole session from both sides' latents (2403.05020), a control arm.

The plan (whose turn, which act, which values) is drawn by the same policy and the same streams as in agents mode,
against the reference assistant. The model sees everything, the goal, both sides' facts, the record and the plan, and
writes every line. Its lines are parsed by their speaker marks and laid along the plan in order; a line that is missing,
blank or longer than a turn may be is worded by a template, flagged and counted: a session is never lost. What the
assistant's lines did is read from their text; the outcome follows from these readings, not from the plan.

Non-interference deliberately does not hold here; sessions say so (`non_interference: false`).
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from assay.records.blueprint import Blueprint
from assay.records.scenario import Scenario
from assay.records.session import Session, Turn
from assay.simulation.assistants import reference_assistant
from assay.simulation.conditioned import intent
from assay.simulation.mindreaders import assistant_side, user_side
from assay.simulation.one import Parts, Talk, disclose, finished, fit, labels_of, simulate_one
from assay.simulation.policy import Move, first_state, hear, speak, terminal
from assay.simulation.prompt import one_line, render_act
from assay.simulation.reading import read_act
from assay.simulation.views import prompt_act, user_header
from assay.simulation.wording import MAX_CHARACTERS

MARK = re.compile(
    r"^[\s>*#_\-\d.)(\[\]]*(?P<who>assistant|agent|support|system|bot|customer|user|client|caller|guest)\b[^:\n]{0,24}:"
    r"[\s*_]*(?P<text>.*)$",
    re.I,
)
"""A line of a script: a speaker mark, whatever bullets, numbers or stars stand around it, and the words."""
ASIDE = re.compile(r"^[\s>*#_\-\d.)(]*(acts?|plan|note|script|scene|title)\b[^:\n]{0,24}:|^\s*\[.*\]\s*$|^\s*```", re.I)
"""Lines that are not words of anybody: acts, plans, titles, stage directions, fences."""
OURS = {"assistant": "assistant", "agent": "assistant", "support": "assistant", "system": "assistant",
        "bot": "assistant"}  # fmt: skip
LONGEST_LINE = 160
"""Characters of a line that a grammar lets an embedded model write."""
LINE_TOKENS = 48
"""Tokens that one line may take, its frame included; the whole script is bounded by it."""
MOST_TOKENS = 1200
"""Longest script, in tokens: what the embedded model's context leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What the writer of a script is asked."""

    prompt: str
    """To be continued: the latents, the plan, and the first speaker mark."""
    instruction: str
    """System line for models that chat."""
    grammar: str
    """GBNF that holds the continuation to the plan's speakers, for models that can be held."""
    max_tokens: int
    """Bound of the answer."""


Write = Callable[[Brief], Awaitable[tuple[str, str]]]
"""Brief -> (script from its first speaker mark on, key of the call in the ledger)."""

INSTRUCTION = (
    "You write a whole chat between an assistant and a customer, both sides. Write one line for each step of the plan, "
    "in its order, each starting with 'assistant:' or 'customer:'. Use the given values word for word. Nothing else."
)


async def script_one(blueprint: Blueprint, scenario: Scenario, parts: Parts) -> Session:
    """One session written by one call.

    Deterministic given (blueprint, scenario, the model's answer). Raises what the model raises. Without a writer every
    line is a template.
    """
    planned = await _plan(blueprint, scenario, parts.repeat)
    text, key = "", ""
    if parts.write is not None:
        text, key = await parts.write(scenario)(brief(blueprint, scenario, planned))
    lines = parse(text)
    talk, faults = _lay(planned, lines, key, written=parts.write is not None)
    session = _replay(blueprint, scenario, planned, talk, parts)
    asked = len(planned.turns)
    note = {
        "lines": len(lines), "planned": asked, "replaced": faults,
        "unparsable": parts.write is not None and not any(s == "user" for s, _ in lines),
        "planned_end": planned.end,
    }  # fmt: skip
    return session.model_copy(update={"extra": {**session.extra, "script": note}})


async def _plan(blueprint: Blueprint, scenario: Scenario, repeat: int) -> Session:
    """The session as the policy and the reference assistant would have it, by templates."""
    parts = Parts(assistant=lambda s, rng: reference_assistant(blueprint, s, rng), say=None, repeat=repeat)
    return await simulate_one(blueprint, scenario, parts)


def brief(blueprint: Blueprint, scenario: Scenario, planned: Session) -> Brief:
    """What the writer sees: both sides' latents and the plan, line by line in the verbaliser's own words."""
    header = user_header(blueprint, scenario)
    steps = [(t.speaker, _step(blueprint, scenario, t)) for t in planned.turns]
    means = [_means(blueprint, scenario, t) for t in planned.turns]
    lines = [
        f"customer: {', '.join(one_line(m) for m in header.manner) or 'plain'}",
        f"situation: {', '.join(one_line(s) for s in header.situation) or 'not known'}",
        f"customer knows: {'; '.join(user_side(blueprint, scenario))}",
        f"assistant knows: {'; '.join(assistant_side(blueprint, scenario)) or 'nothing more'}",
        "plan:",
        *(f"{i + 1} {_party(t.speaker)}: {m}" for i, (t, m) in enumerate(zip(planned.turns, means, strict=True))),
    ]
    first = steps[0]
    return Brief(
        prompt="\n".join(lines) + f"\n\nacts: {first[1]}\n{_party(first[0])}:",
        instruction=INSTRUCTION,
        grammar=grammar(steps),
        max_tokens=min(MOST_TOKENS, LINE_TOKENS * len(steps)),
    )


def _party(speaker: str) -> str:
    return "customer" if speaker == "user" else "assistant"


def _step(blueprint: Blueprint, scenario: Scenario, turn: Turn) -> str:
    """What one planned turn does, as the verbaliser's own `acts:` line says it."""
    if turn.speaker != "user":
        return _means(blueprint, scenario, turn)
    return render_act(prompt_act(blueprint, scenario, move_of(turn)))


def _means(blueprint: Blueprint, scenario: Scenario, turn: Turn) -> str:
    """What one planned turn does, in words."""
    if turn.speaker != "user":
        act = turn.extra.get("act")
        return one_line(blueprint.assistant_acts[act].means) if act else "answers"
    return intent(blueprint, scenario, move_of(turn))


def move_of(turn: Turn) -> Move:
    """The move that a user turn's labels hold."""
    slots = {k: str(v) for k, v in (turn.labels.get("slots") or {}).items()}
    return Move(act=str(turn.labels["act"]), core_act=str(turn.labels["core_act"]), slots=slots)


def grammar(steps: Sequence[tuple[str, str]]) -> str:
    """GBNF of a script's continuation: the frame of every step is given, the words of its line are free."""
    parts = ["words"]
    for speaker, step in steps[1:]:
        frame = f"acts: {step}\n{_party(speaker)}:"
        parts += [_literal("\n" + frame), "words"]
    return f'root ::= {" ".join(parts)} "\\n"\nwords ::= " " [^ \\n] [^\\n]{{1,{LONGEST_LINE}}}\n'


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def parse(text: str) -> list[tuple[str, str]]:
    """(speaker, words) of every line of a script that carries a speaker mark.

    Lenient: other names for the two parties, bullets, numbers, stars and remarks in the mark; lines that are acts,
    plans or stage directions are left out, as is all before the first mark; other unmarked lines go on with the words
    before them.
    """
    lines: list[tuple[str, str]] = []
    for raw in text.splitlines():
        found = MARK.match(raw)
        if found:
            lines.append((OURS.get(found["who"].lower(), "user"), found["text"].strip()))
        elif lines and raw.strip() and not ASIDE.match(raw):
            speaker, words = lines[-1]
            lines[-1] = (speaker, f"{words} {raw.strip()}")
    return [(speaker, one_line(words).strip('"*_ ')) for speaker, words in lines]


def _lay(planned: Session, lines: list[tuple[str, str]], key: str, *, written: bool) -> tuple[Talk, dict[str, int]]:
    """The plan with the script's words in order of each speaker; what cannot be used keeps the template's words."""
    talk = Talk()
    faults: dict[str, int] = {}
    waiting = {who: iter([w for s, w in lines if s == who]) for who in ("user", "assistant")}
    for i, turn in enumerate(planned.turns):
        words = next(waiting["user" if turn.speaker == "user" else "assistant"], None)
        fault = _fault(words)
        if fault is None and words is not None:
            talk.turns.append(turn.model_copy(update={"text": words, "realised_by": "model"}))
            if key:
                talk.prompts[str(i)] = key
            continue
        extra = dict(turn.extra)
        if written and fault is not None:
            faults[fault] = faults.get(fault, 0) + 1
            extra["guards_failed"] = [fault]
        talk.turns.append(turn.model_copy(update={"realised_by": "template", "extra": extra}))
    return talk, faults


def _fault(words: str | None) -> str | None:
    if words is None:
        return "line_missing"
    if not words.strip():
        return "blank"
    return "too_long" if len(words) > MAX_CHARACTERS else None


def _replay(blueprint: Blueprint, scenario: Scenario, planned: Session, talk: Talk, parts: Parts) -> Session:
    """The session's record: the plan's acts are its labels, the outcome is read from the assistant's lines."""
    state, end = first_state(scenario), None
    for i, turn in enumerate(talk.turns):
        if turn.speaker == "user":
            move = move_of(turn)
            speak(blueprint, state, move.act, move.slots)
            disclose(blueprint, talk.disclosed, move, i)
            end = terminal(blueprint, state, move)
            talk.turns[i] = turn.model_copy(update={"labels": labels_of(move)})
            continue
        act = turn.extra.get("act")
        if turn.realised_by == "model":
            before = talk.turns[i - 1].text if i else None
            act = read_act(blueprint, turn.text, before, parts.core_acts)
        hear(blueprint, state, act, fit(blueprint, scenario, turn.text, state.offer))
        extra = {**turn.extra, "act": act, "planned": planned.turns[i].extra.get("act")}
        talk.turns[i] = turn.model_copy(update={"extra": extra})
    return finished(blueprint, scenario, state, talk, end or "out_of_time", replace(parts, mode="script"))
