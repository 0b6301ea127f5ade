"""Numbers of the card of the user adapter: held-out loss, values realised, acts outside the training domains.

Every sample runs in the engine that ships (`assay.models.embedded.engine_settings`), so the numbers are of the product.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assay.learning import data
from assay.learning.data import HumanSession
from assay.simulation import prompt
from assay.simulation.prompt import Act, Exchange, Header
from assay.stats.intervals import cluster_mean

SAMPLES = 4
"""Samples a prompt; `best of 4` asks whether one of them realises every value."""
TEMPERATURE = 0.7
TOKENS = 56
NO = re.compile(r"\b(no|not|nope|don't|do not|can't|cannot|won't|never|nothing|rather|without)\b", re.I)
YES = re.compile(r"\b(yes|yeah|yep|sure|ok|okay|sounds good|please|go ahead|works|perfect|great|fine|correct)\b", re.I)
RULES: dict[str, Callable[[str], bool]] = {
    "reject": lambda t: bool(NO.search(t)),
    "confirm": lambda t: bool(YES.search(t)) and not NO.search(t),
    "thank": lambda t: bool(re.search(r"\b(thank|thanks|appreciate)", t, re.I)),
    "bye": lambda t: bool(re.search(r"\b(bye|goodbye|that'?s all|that is all|have a|nothing)", t, re.I)),
    "request": lambda t: "?" in t or bool(re.search(r"\b(tell|what|how|when|which|know)\b", t, re.I)),
    "greet": lambda t: bool(re.search(r"\b(hi|hello|hey|good (morning|evening|afternoon))\b", t, re.I)),
}
"""Act -> whether a text can be that act, by its words; a stated goal must carry its verb, others have no rule."""


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt, the values that its words must carry and the acts they must do."""

    text: str
    values: tuple[str, ...]
    acts: tuple[str, ...]
    verb: str = ""
    """First word of the goal that is to be stated."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of samples, with the prompts as clusters."""

    hits: int
    n: int
    low: float
    high: float
    """95 % limits, cluster-robust over prompts (stats.intervals.cluster_mean)."""

    def __str__(self) -> str:
        text = f"{100 * self.hits / self.n:.0f} % ({self.hits} of {self.n}"
        return f"{text}; {100 * self.low:.0f} to {100 * self.high:.0f} %)"


def share(tested: Sequence[Sequence[bool]]) -> Share | None:
    """The share of samples that hold, given prompt by prompt; None without samples."""
    flat = [hit for hits in tested for hit in hits]
    if not flat:
        return None
    found = cluster_mean(flat, [i for i, hits in enumerate(tested) for _ in hits])
    return Share(sum(flat), len(flat), found.low or 0.0, 1.0 if found.high is None else found.high)


def says(text: str, value: str) -> bool:
    """Whether a value stands in a text as whole words, case aside."""
    return bool(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.I))


def realises(text: str, case: Case) -> bool:
    """Whether every value stands in the text."""
    return all(says(text, v) for v in case.values)


def does(text: str, case: Case) -> bool:
    """Whether the text passes the rule of every act that has one."""
    stated = not case.verb or says(text, case.verb)
    return bool(text.strip()) and stated and all(RULES[a](text) for a in case.acts if a in RULES)


def held_out_cases(sessions: Sequence[HumanSession], cuts: data.Terciles, n: int, seed: int) -> list[Case]:
    """Prompts of unseen human sessions, up to four exchanges long, whose last turn carries a value."""
    rng, cases = np.random.default_rng(seed), []
    order = rng.permutation(len(sessions))
    for session in (sessions[i] for i in order):
        turns = session.turns[:4]
        able = [
            i for i, t in enumerate(turns)
            if t.target and any(v and v not in ("yes", "no") for a in t.acts for _, v in a.slots)
        ]  # fmt: skip
        if not able:
            continue
        last = able[int(rng.integers(len(able)))]
        header = Header(manner=data.manner(session, cuts), goal=", ".join(session.goals[:2]))
        shown = [_exchange(t, i < last) for i, t in enumerate(turns[: last + 1])]
        values = tuple(v for a in turns[last].acts for _, v in a.slots if v and v not in ("yes", "no"))
        cases.append(Case(prompt.render(header, shown), values, ()))
        if len(cases) == n:
            break
    return cases


def _exchange(turn: data.HumanTurn, worded: bool) -> Exchange:
    acts = tuple(Act(name=a.name, slots=dict(a.slots), detail=a.detail) for a in turn.acts)
    return Exchange(assistant=turn.assistant, acts=acts, customer=turn.text if worded else None)


def parse_acts(line: str) -> tuple[Act, ...]:
    """Acts of a hand-written acts line, in the form that the prompt shows."""
    acts = []
    for part in line.split("; "):
        name, _, inside = part.rstrip(")").partition("(")
        pieces = [p.partition(" = ")[::2] for p in inside.split(", ")] if inside else []
        if name == "state goal":
            acts.append(Act(name=name, detail=inside))
        else:
            acts.append(Act(name=name, slots={slot: value for slot, value in pieces}))
    return tuple(acts)


def shop_cases() -> list[Case]:
    """The hand-written prompts (adapter_shop.py) as first exchanges of a session."""
    from adapter_shop import SHOP

    cases = []
    for manner, goal, said, line in SHOP:
        acts = parse_acts(line)
        header = Header(manner=tuple(manner.split()), situation=("chat",), goal=goal)
        values = tuple(v for a in acts for v in (a.slots or {}).values() if v)
        text = prompt.render(header, [Exchange(assistant=said or None, acts=acts)])
        verb = next((a.detail.split()[0] for a in acts if a.detail), "")
        cases.append(Case(text, values, tuple(a.name for a in acts), verb))
    return cases


class Talker:
    """The shipped engine with one adapter; `scale` 0 is the bare model."""

    def __init__(self, weights: Path, adapter: Path) -> None:
        import xllamacpp

        from assay.models.adapter import steadied
        from assay.models.embedded import engine_settings

        with TemporaryDirectory() as folder:
            copy = Path(folder) / "adapter.gguf"
            copy.write_bytes(steadied(adapter))
            self.server = xllamacpp.Server(engine_settings(weights, copy, 1))

    def say(self, text: str, scale: float, seed: int, temperature: float = TEMPERATURE) -> str:
        """One answer. Raises RuntimeError when the engine gives none."""
        body: dict[str, Any] = {
            "prompt": text, "temperature": temperature, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "n_predict": TOKENS,
            "max_tokens": TOKENS, "stop": ["\n"], "seed": seed, "lora": [{"id": 0, "scale": scale}],
        }  # fmt: skip
        answer = self.server.handle_completions(body)
        if "choices" not in answer:
            raise RuntimeError(f"the engine gave no answer: {answer}")
        return str(answer["choices"][0]["text"]).strip()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the samples of a set of prompts came to."""

    single: Share | None
    """Single samples that carry every value, of prompts that have one."""
    best: Share | None
    """Prompts of which one sample in four does."""
    acts: Share | None
    """Single samples that pass the rules of their acts, of prompts that have a rule."""


def speak(talker: Talker, cases: Sequence[Case], scale: float) -> list[list[str]]:
    """Four samples of every prompt, seeds 0 to 3."""
    return [[talker.say(c.text, scale, k) for k in range(SAMPLES)] for c in cases]


def outcome(cases: Sequence[Case], said: Sequence[Sequence[str]]) -> Outcome:
    """The shares over the samples of `speak`."""
    pairs = list(zip(cases, said, strict=True))
    hits = [[realises(t, c) for t in texts] for c, texts in pairs if c.values]
    ruled = [[does(t, c) for t in texts] for c, texts in pairs if c.verb or set(c.acts) & set(RULES)]
    return Outcome(share(hits), share([[any(h)] for h in hits]), share(ruled))
