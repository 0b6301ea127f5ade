"""What training shows the model and what a run sends it are the same bytes: header, acts, slots and words.

The prompts of whole simulated sessions are recorded where the model would get them, and built once more by the training
path (learning.data.sequence) from the session's labels alone.
"""

import asyncio
import itertools
from dataclasses import dataclass, replace
from typing import Any

import pytest

from assay.authoring.blueprints import BUNDLED, load_blueprint
from assay.authoring.one import author_one
from assay.learning import data, lines, pools
from assay.learning.data import HumanSession, HumanTurn, Terciles, TurnAct
from assay.records.blueprint import Blueprint
from assay.records.core_acts import CORE_ACTS
from assay.records.scenario import Scenario
from assay.records.session import Session
from assay.simulation import prompt
from assay.simulation.assistants import reference_assistant
from assay.simulation.one import Parts, simulate_one
from assay.simulation.wording import Say

N = 25


@dataclass
class Recorded:
    """One simulated session, and every prompt that its user's model was sent."""

    blueprint: Blueprint
    scenario: Scenario
    session: Session
    prompts: list[str]


def recorded(blueprint: Blueprint, scenario: Scenario) -> Recorded:
    """Simulate with a model that says nothing usable once and then gives way to the template."""
    prompts: list[str] = []

    def make(_: Scenario) -> Say:
        async def say(text: str, number: int) -> tuple[str, str]:
            if not prompts or prompts[-1] != text:
                prompts.append(text)
            return "", "key"

        return say

    parts = Parts(assistant=lambda s, rng: reference_assistant(blueprint, s, rng), say=make)
    return Recorded(blueprint, scenario, asyncio.run(simulate_one(blueprint, scenario, parts)), prompts)


def trained(made: Recorded) -> data.TrainingText:
    """The same session through the training path, from its labels, its thoughts' words and the blueprint's."""
    book, labels = made.blueprint, made.session.session_labels
    goal = book.goals[labels["goal"]].words
    turns: list[HumanTurn] = []
    before: str | None = None
    for turn in made.session.turns:
        if turn.speaker != "user":
            before = turn.text
            continue
        spec = book.user_acts[str(turn.labels["act"])]
        slots = [(book.slots[s].words or s.replace("_", " "), v) for s, v in turn.labels.get("slots", {}).items()]
        slots += [(spec.asks, "")] if spec.asks else []
        act = TurnAct(CORE_ACTS[turn.labels["core_act"]].words, slots, goal if spec.detail == "goal" else "")
        turns.append(HumanTurn(before, [act], turn.text))
    persona, context = labels["persona"], labels["context"]
    manner = [{"low": "brief", "mid": "medium", "high": "talkative"}[persona["extraversion"]]]
    manner += {"low": ["plain"], "mid": [], "high": ["polite"]}[persona["agreeableness"]]
    thoughts = {t.field: list(t.words) for t in made.scenario.reflection}
    manner += thoughts.get("formality", {"casual": ["casual"], "formal": ["careful"]}.get(context.get("formality"), []))
    fields = [f for f in ("medium", "location", "emotion", "duration") if context.get(f)]
    situation = [w for f in fields for w in thoughts.get(f, [context[f]])]
    header = {"manner": tuple(manner), "situation": tuple(situation), "goal": goal}
    session = HumanSession(made.session.id, "", (book.name,), (goal,), turns)
    text = data.sequence(prompt, session, header, 0, lambda _: True)
    assert text is not None
    return text


def differing(made: Recorded, text: data.TrainingText) -> list[int]:
    """Turns whose prompt or whose words differ between the two paths."""
    said = [t.text for t in made.session.turns if t.speaker == "user"]
    assert len(made.prompts) == len(text.spans) == len(said)
    return [
        i
        for i, (sent, (start, end), words) in enumerate(zip(made.prompts, text.spans, said, strict=True))
        if sent.encode() != text.text[:start].encode()
        or (sent + prompt.render_answer(words)).encode() != text.text[:end].encode()
    ]


@pytest.fixture(scope="module", params=BUNDLED)
def sessions(request: pytest.FixtureRequest) -> list[Recorded]:
    blueprint = load_blueprint(request.param)
    return [recorded(blueprint, author_one(blueprint, 5, i)) for i in range(N)]


def test_training_and_run_time_share_every_byte(sessions: list[Recorded]) -> None:
    for made in sessions:
        assert differing(made, trained(made)) == [], made.session.id
    heads = {made.prompts[0].split("\n\n")[0] for made in sessions}
    assert len({h.split("\n")[0] for h in heads}) > 4, "manner varies"
    assert len({h.split("\n")[1] for h in heads}) > 4, "situation varies"


@pytest.mark.parametrize(
    ("what", "broken"),
    [
        ("manner", lambda h: replace(h, manner=(*h.manner, "plain") if "plain" not in h.manner else h.manner[:-1])),
        ("situation", lambda h: replace(h, situation=h.situation[::-1] if len(h.situation) > 1 else ("chat",))),
        ("goal", lambda h: replace(h, goal=h.goal.title())),
    ],
)
def test_a_header_that_differs_is_caught(what: str, broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.simulation import views

    honest = views.user_header
    monkeypatch.setattr(views, "user_header", lambda *a, **k: broken(honest(*a, **k)))
    blueprint = load_blueprint("returns")
    made = recorded(blueprint, author_one(blueprint, 5, 0))
    assert differing(made, trained(made)), f"another {what} at run time went unseen"


def test_the_session_form_reader_gives_the_same_texts(sessions: list[Recorded], tmp_path: Any) -> None:
    """assay's own sessions, exported with slot names in words, come back as the prompts that made them."""
    import json

    from assay.learning.session_form import SessionForm
    from assay.learning.sft_config import DataSource

    for made in sessions[:8]:
        book, rows = made.blueprint, []
        for turn in made.session.turns:
            slots = {book.slots[s].words or s: v for s, v in (turn.labels.get("slots") or {}).items()}
            spec = book.user_acts.get(str(turn.labels.get("act")))
            slots |= {spec.asks: ""} if spec is not None and spec.asks else {}
            labels = {"core_act": turn.labels.get("core_act"), "slots": slots} if turn.speaker == "user" else {}
            rows.append({"speaker": turn.speaker, "text": turn.text, "labels": labels})
        goal = book.goals[made.session.session_labels["goal"]].words
        row = {"id": "a", "session_labels": {"goal": goal, "services": [book.name]}, "turns": rows}
        (tmp_path / "s.jsonl").write_text(json.dumps(row) + "\n")
        (session,) = SessionForm(DataSource(file="s.jsonl"), tmp_path / "s.jsonl").sessions(lambda _: True)
        top = made.prompts[0].split("\n")[:2]
        header = {
            "manner": tuple(top[0].removeprefix("customer: ").split(", ")),
            "situation": tuple(top[1].removeprefix("situation: ").split(", ")), "goal": goal,
        }  # fmt: skip
        text = data.sequence(prompt, session, header, 0, lambda _: True)
        assert text is not None
        last = text.spans[-1][0]
        assert text.text[:last] == made.prompts[len(session.turns) - 1]
        assert len(session.turns) == len(made.prompts), "no turn was cut off"


def talk(act_words: int, polite: bool | None, loose: bool | None) -> HumanSession:
    """A person's session with that many words an act and those habits; None is in between."""
    texts = []
    for i in range(10):
        courteous = polite is True or (polite is None and i < 2)
        careless = loose is True or (loose is None and i < 2)
        words = ["please"] * courteous + ["word"] * (act_words - courteous)
        text = " ".join(words)
        texts.append(text if careless else text.capitalize() + ".")
    return HumanSession("x", "", ("s",), ("g",), [HumanTurn("Hm?", [TurnAct("confirm")], t) for t in texts])


def test_run_time_only_uses_words_that_training_knows(sessions: list[Recorded]) -> None:
    cuts = Terciles(3.5, 6.5)
    habits = itertools.product((3, 5, 8), (True, None, False), (True, None, False))
    known = {data.manner(talk(*h), cuts) for h in habits}
    assert len(known) == 27
    acts = {*data.PLAIN_ACTS.values(), *(a.name for a in data.PERSUADED.values()), *lines.KINDS}
    acts |= {"state goal", "inform", "request", "no preference", "choose", "greet"}
    for made in sessions:
        head = made.prompts[0].split("\n")
        assert tuple(head[0].removeprefix("customer: ").split(", ")) in known
        assert set(head[1].removeprefix("situation: ").split(", ")) <= set(pools.SITUATIONS)
        for sent in made.prompts:
            assert sent.split("\n")[-2].removeprefix("acts: ").split("(")[0] in acts


def test_the_template_is_what_was_said(sessions: list[Recorded]) -> None:
    """The recording is of real turns: the words are the template's, after every candidate failed."""
    users = [t for made in sessions for t in made.session.turns if t.speaker == "user"]
    assert all(t.realised_by == "template" for t in users)
