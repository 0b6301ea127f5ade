"""What persona sessions are paid, who is refused, and what the two judges see. Needs no torch."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from assay.door import persona_judges
from assay.door.learning import learn
from assay.door.persona_frames import parts_of
from assay.errors import BadInput, Refused
from assay.learning.consistency_config import BUNDLED, ConsistencyPlan, load_plan
from assay.learning.own_personas import ATTRIBUTES, interview, people, values_of
from assay.learning.own_reading import read_talk, reading
from assay.learning.persona_frames import Frame, Persona, Talk, Trait, pieces, rendered, small_talk
from assay.learning.persona_reward import IDLE_STEPS, Idle, Prices, Scores, alarms, judged, paid_for, pay
from assay.models.embeddings import available
from assay.simulation import prompt

PRICES = Prices(floor=0.5)


def frames(count: int = 12, seed: int = 1) -> list[Frame]:
    rng = np.random.default_rng(seed)
    return [interview(p, 0, rng, 4) for p in people(count, 4, rng, held_out=True)]


def truthful(frame: Frame) -> Talk:
    traits = frame.persona.traits
    said = (f"Oh, {traits[b.about].fact.lower()[:-1]} by the way {i}." if b.about is not None else "Thank you, bye!"
            for i, b in enumerate(frame.beats))  # fmt: skip
    return Talk(frame, tuple(said))


def value(*, co01: float = 1.0, coverage: float = 1.0, degenerate: float = 0.0) -> Scores:
    return Scores(co01=co01, co02=1.0, co03=1.0, coverage=coverage, degenerate=degenerate)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("turns: 5\n", "less than or equal to 4"),
        ("steps: 0\n", "greater than or equal to 1"),
        ("rewards: random\n", "unknown field"),
        ("train:\n  - file: a.jsonl\n", "give `train` and `held_out`"),
        ("method: kto\nreward: random\n", "controls random and inverted are of method rl"),
        ("method: ppo\n", "'rl', 'sft' or 'kto'"),
    ],
)
def test_bad_plans_name_the_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match="line") as caught:
        load_plan(path)
    assert says in str(caught.value)


def write_people(path: Path, names: list[str], facts: list[str]) -> None:
    rows = [
        {"id": n, "licence": "MIT", "turns": [{"speaker": "user", "text": "Hi."}],
         "private": {"user": {"persona": [f]}} if f else {}}
        for n, f in zip(names, facts, strict=True)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))


def test_a_fact_in_both_parts_is_refused_with_the_rows(tmp_path: Path) -> None:
    write_people(tmp_path / "a.jsonl", ["1", "2"], ["I have two dogs.", "I am a nurse."])
    write_people(tmp_path / "b.jsonl", ["3", "4"], ["i am a nurse.", "I live in Rome."])
    plan = tmp_path / "plan.yaml"
    plan.write_text("train: [{file: a.jsonl}]\nheld_out: [{file: b.jsonl}]\n")
    with pytest.raises(BadInput, match="1 facts of held-out personas are trained on") as caught:
        learn("consistency", plan, tmp_path / "out", dry_run=True)
    assert "b.jsonl:3 and a.jsonl:2: 'i am a nurse.'" in str(caught.value)


def test_sessions_without_personas_are_an_empty_set(tmp_path: Path) -> None:
    write_people(tmp_path / "a.jsonl", ["1"], [""])
    plan = tmp_path / "plan.yaml"
    plan.write_text("train: [{file: a.jsonl}]\nheld_out: [{file: a.jsonl}]\n")
    with pytest.raises(BadInput, match="train: no persona that fits"):
        learn("consistency", plan, tmp_path / "out", dry_run=True)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.5])
def test_a_score_that_is_none_is_refused_with_the_session(bad: float) -> None:
    talk = truthful(frames(1)[0])
    with pytest.raises(Refused, match="co01 = ") as caught:
        judged(lambda _: value(co01=bad), [talk])
    assert talk.frame.id in str(caught.value)


def test_a_judge_that_raises_is_refused_with_the_session() -> None:
    def broken(talk: Talk) -> Scores:
        raise ZeroDivisionError("no lines")

    with pytest.raises(Refused, match="ZeroDivisionError: no lines"):
        judged(broken, [truthful(frames(1)[0])])


def test_a_constant_reward_is_refused_and_one_group_without_variance_is_counted() -> None:
    idle = Idle()
    assert idle.see([[1.0, 1.0], [0.0, 1.0]], 1) == 0.5
    for step in range(IDLE_STEPS - 1):
        assert idle.see([[1.0, 1.0]], step) == 1.0
    with pytest.raises(Refused, match="told no two sessions of a group apart"):
        idle.see([[1.0, 1.0]], IDLE_STEPS)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_plans_load_and_need_no_data(name: str, tmp_path: Path) -> None:
    assert load_plan(name).turns <= 4
    found = learn("consistency", name, tmp_path / "out", dry_run=True)
    assert found["personas"]["held_out"] >= 1
    assert found["data"] == []


def test_the_prompt_only_grows_and_pieces_are_the_whole() -> None:
    talk = truthful(frames(1)[0])
    texts = [rendered(prompt, talk.frame, talk.lines[:i]) for i in range(len(talk.lines) + 1)]
    assert all(b.startswith(a) for a, b in pairwise(texts))
    start, parts = pieces(prompt, talk)
    assert start + "".join(text for text, _ in parts) == texts[-1]
    assert [own for _, own in parts] == [True, False] * 3 + [True]


def test_parts_share_no_value_and_do_not_depend_on_the_seed_where_held_out() -> None:
    for a in ATTRIBUTES:
        assert not set(values_of(a, True)) & set(values_of(a, False))
    one, other = (parts_of(ConsistencyPlan(seed=s), []) for s in (1, 2))
    assert [f.persona for f in one.held_out] != []
    assert {f.persona for f in one.held_out} == {f.persona for f in other.held_out}
    assert {f.persona for f in one.train} != {f.persona for f in other.train}


def test_speakers_that_say_nothing_are_paid_less_than_one_who_answers() -> None:
    asked = frames()
    own = float(np.mean([pay(persona_judges.by_words(truthful(f)), PRICES) for f in asked]))
    assert own > 2.5
    for name, talks in persona_judges.scripted(asked).items():
        scores = [persona_judges.by_words(t) for t in talks]
        assert np.mean([s.co01 for s in scores]) >= 0.9, name
        assert np.mean([pay(s, PRICES) for s in scores]) < own - 2.0, name


def test_a_session_below_the_floor_is_charged() -> None:
    assert pay(value(coverage=0.5), PRICES) == 3.0
    assert pay(value(coverage=0.0), PRICES) == 0.0
    assert pay(value(degenerate=0.5), PRICES) == 1.5


def test_controls_are_paid_blindly_or_the_opposite() -> None:
    own = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    rng = np.random.default_rng(1)
    assert paid_for("inverted", own, rng) == [-x for x in own]
    dealt = paid_for("random", own, rng)
    assert sorted(dealt) == own
    assert dealt != own


def test_alarms_ring_for_what_goes_wrong() -> None:
    first = {"degenerate": 0.1, "coverage": 0.8, "doubt": 1.0}
    assert alarms(first, first) == []
    assert "degenerate" in alarms(first, {**first, "degenerate": 0.3})[0]
    assert "coverage fell" in alarms(first, {**first, "coverage": 0.6})[0]
    assert "certain" in alarms(first, {**first, "doubt": 0.1})[0]


@pytest.mark.parametrize(
    ("name", "own", "line", "says"),
    [
        ("home", "Leeds", "I'm living in Leeds now.", "agrees"),
        ("home", "Leeds", "I live in Paris.", "contradicts"),
        ("home", "Leeds", "I don't live in Leeds.", "contradicts"),
        ("home", "Leeds", "It is a nice place.", "silent"),
        ("home", "Leeds", "Do you live in Oslo?", "silent"),
        ("pet", "cat", "Yes, two cats!", "agrees"),
        ("pet", "cat", "No, I have none.", "contradicts"),
        ("job", "nurse", "I am a data clerk.", "contradicts"),
        ("job", "nurse", "I am a bit tired.", "silent"),
        ("age", "31", "31", "agrees"),
        ("age", "31", "I'm 45.", "contradicts"),
        ("children", "two", "I have three children.", "contradicts"),
    ],
)
def test_the_reading_by_values(name: str, own: str, line: str, says: str) -> None:
    attribute = next(a for a in ATTRIBUTES if a.name == name)
    trait = Trait(attribute.told.format(own), attribute.fact.format(own), name, own)
    assert reading(trait, line) == says


def test_a_second_answer_that_differs_contradicts_the_first() -> None:
    frame = next(f for f in frames() if f.beats[0].about is not None)
    trait = frame.persona.traits[frame.beats[0].about or 0]
    attribute = next(a for a in ATTRIBUTES if a.name == trait.name)
    lies = [v for v in attribute.values if v != trait.value][:2]
    lines = [truthful(frame).lines[1]] * 4
    lines[0], lines[2], lines[3] = attribute.fact.format(lies[0]), attribute.fact.format(lies[1]), "Bye!"
    found = read_talk(Talk(frame, tuple(lines)))
    assert (found.asked, found.against_persona, found.against_self, found.inconsistent) == (3, 2, 1, 2)
    assert read_talk(truthful(frame)).inconsistent == 0


@pytest.mark.skipif(not available(), reason="the sentence embeddings are not installed")
def test_peoples_facts_are_read_by_meaning_and_no_word_of_the_rewards_judge() -> None:
    facts = (
        "I work as a nurse in a hospital.",
        "I have two big dogs.",
        "I love to cook Italian food.",
        "I live by the sea.",
    )
    frame = small_talk(Persona("p", tuple(Trait(f.rstrip("."), f) for f in facts)), 0, np.random.default_rng(1), 4)
    own = (
        "I take care of patients on a ward.",
        "Walking my dogs is great.",
        "Cooking pasta for friends.",
        "The beach!",
    )
    strange = ("I drive a truck.", "My son plays the drums.", "Mostly video games and comics.", "I hate my boss.")
    fits, does_not = persona_judges.measured([Talk(frame, own), Talk(frame, strange)])
    assert fits.coverage is not None
    assert does_not.coverage is not None
    assert fits.coverage > does_not.coverage
    assert fits.inconsistent is not None
    assert does_not.inconsistent is not None
    assert fits.inconsistent < does_not.inconsistent
    assert "meanings" in persona_judges.judge_name([frame])
