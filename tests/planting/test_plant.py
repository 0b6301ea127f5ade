import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planting_examples import ACTS, ITEMS, foreign_run, own_run, reword

from assay.errors import BadInput
from assay.planting.contradiction import contradicted, sentences, to_second_person, turned
from assay.planting.faults import OPERATORS, plant, restore
from assay.planting.label_operators import derangement
from assay.planting.run import Aids
from assay.planting.truth import Planted, read_truth, write_truth
from assay.records import Disclosure, Session, Turn
from assay.records.label import flatten

OWN, FOREIGN = own_run(25), foreign_run(25)
AIDS = Aids(reword=reword, rewords_persona=True)
PAIRS = [(o.name, kind) for o in OPERATORS.values() for kind in o.kinds if (o.name, kind) != ("persona_mid", "label")]
FOREIGN_PAIRS = [(o.name, k) for o in OPERATORS.values() for k in o.kinds if o.name not in ("slot_swap", "goal_swap")]
LABEL_PAIRS = [("act_swap", "label"), ("label_shuffle", "label"), ("slot_swap", "label"), ("goal_swap", "label")]


def fields(session: Session) -> dict[tuple[int | None, str], object]:
    """Every field of a session by (turn, path), as it is stored."""
    row = json.loads(session.line())
    found: dict[tuple[int | None, str], object] = {}
    for i, turn in enumerate(row.pop("turns")):
        labels = turn.pop("labels")
        found |= {(i, f"labels.{n}"): v for k, raw in labels.items() for n, v in leaves(k, raw)}
        found |= {(i, k): v for k, v in turn.items()}
    found |= {(None, f"labels.{n}"): v for k, raw in row.pop("session_labels").items() for n, v in leaves(k, raw)}
    found |= {(None, f"labels.private.{n}"): v for k, raw in row.pop("private").items() for n, v in leaves(k, raw)}
    return found | {(None, k): v for k, v in row.items()}


def leaves(name: str, raw: object):
    if isinstance(raw, dict):
        for key, inner in raw.items():
            yield from leaves(f"{name}.{key}", inner)
    else:
        yield name, raw


def check_exact(before: list[Session], after: list[Session], planted: list[Planted]) -> None:
    """What differs is what the truth says, with the values it says, and nothing else."""
    assert [s.id for s in before] == [s.id for s in after]
    touched = {p.session for p in planted}
    for old, new in zip(before, after, strict=True):
        mine = [p for p in planted if p.session == old.id]
        if old.id not in touched:
            assert new is old
            continue
        if mine[0].operator == "early_end":
            assert [t.row() for t in old.turns] == [t.row() for t in new.turns] + mine[0].before
            assert mine[0].turn == len(new.turns)
            continue
        a, b = fields(old), fields(new)
        assert list(a) == list(b)
        changed = {k for k in a if a[k] != b[k]}
        assert changed == {(p.turn, f"labels.{p.name}" if p.kind == "label" else "text") for p in mine}
        for p in mine:
            key = (p.turn, f"labels.{p.name}" if p.kind == "label" else "text")
            assert (p.before, p.after) == (a[key], b[key])


@settings(max_examples=40, deadline=None)
@given(pair=st.sampled_from(PAIRS), rate=st.floats(0.01, 1.0), seed=st.integers(0, 2**40))
def test_own_sessions_differ_only_where_the_truth_says(pair: tuple[str, str], rate: float, seed: int) -> None:
    faulty, planted, report = plant(OWN, operator=pair[0], kind=pair[1], rate=rate, seed=seed, aids=AIDS)
    check_exact(OWN, faulty, planted)
    assert report.planted <= report.asked <= report.eligible
    assert all(p.before != p.after for p in planted)
    assert [s.line() for s in restore(faulty, planted)] == [s.line() for s in OWN]


@settings(max_examples=40, deadline=None)
@given(
    pair=st.sampled_from(FOREIGN_PAIRS),
    rate=st.floats(0.01, 1.0),
    seed=st.integers(0, 2**40),
)  # fmt: skip
def test_foreign_sessions_differ_only_where_the_truth_says(pair: tuple[str, str], rate: float, seed: int) -> None:
    faulty, planted, _ = plant(FOREIGN, operator=pair[0], kind=pair[1], rate=rate, seed=seed)
    check_exact(FOREIGN, faulty, planted)
    for p in planted if pair in LABEL_PAIRS else []:
        assert list(flatten("x", p.before)) != list(flatten("x", p.after)), "the value must change, not its order"
    assert [s.line() for s in restore(faulty, planted)] == [s.line() for s in FOREIGN]


@pytest.mark.parametrize(("operator", "kind"), PAIRS)
def test_rate_is_a_share_and_the_order_of_sessions_plays_no_part(operator: str, kind: str) -> None:
    def run(sessions: list[Session], seed: int = 3) -> tuple[list[Session], list[Planted], object]:
        return plant(sessions, operator=operator, kind=kind, rate=0.3, seed=seed, aids=AIDS)

    faulty, planted, report = run(OWN)
    assert report.asked == max(1, round(0.3 * report.eligible))
    assert report.planted == report.asked
    turned, planted_turned, _ = run(OWN[::-1])
    assert {s.id: s.line() for s in turned} == {s.id: s.line() for s in faulty}
    assert {(p.session, p.turn, p.name) for p in planted_turned} == {(p.session, p.turn, p.name) for p in planted}
    again, _, _ = run(OWN)
    assert [s.line() for s in again] == [s.line() for s in faulty]
    if report.eligible > 20:
        other, _, _ = run(OWN, seed=4)
        assert [s.line() for s in other] != [s.line() for s in faulty]


def test_core_act_follows_the_act_and_only_the_users_turns_are_swapped() -> None:
    faulty, planted, report = plant(OWN, operator="act_swap", kind="label", rate=1.0, seed=1)
    cores = {"open": "state_goal", "tell": "inform", **ACTS}
    for old, session in zip(OWN, faulty, strict=True):
        for before, turn in zip(old.turns, session.turns, strict=True):
            if turn.speaker == "user":
                assert turn.labels["core_act"] == cores[turn.labels["act"]]
            else:
                assert turn is before
    assert {p.name for p in planted} == {"act", "core_act"}
    assert report.planted == report.eligible
    assert report.no_ops == 0, "another value is drawn, not any value"


def test_most_confusable_swaps_take_the_given_value_and_redraw_the_rest() -> None:
    aids = Aids(confusable={("act", "ask_price"): "ask_day"})
    _, planted, report = plant(OWN, operator="act_swap", kind="label", rate=1.0, seed=1, aids=aids)
    assert {(p.name, p.before, p.after) for p in planted} == {("act", "ask_price", "ask_day")}
    assert report.no_ops == report.eligible - report.planted > 0


@settings(max_examples=60, deadline=None)
@given(keys=st.lists(st.sampled_from("abcde"), min_size=1, max_size=40), seed=st.integers(0, 2**32))
def test_shuffle_is_a_derangement_where_one_exists(keys: list[str], seed: int) -> None:
    source = derangement(keys, np.random.default_rng(seed))
    assert sorted(source) == list(range(len(keys)))
    fixed = sum(keys[s] == k for s, k in zip(source, keys, strict=True))
    most = max(Counter(keys).values())
    assert fixed == max(0, 2 * most - len(keys))


def test_shuffle_keeps_the_counts_of_values() -> None:
    faulty, planted, report = plant(OWN, operator="label_shuffle", kind="label", rate=1.0, seed=5)

    def acts(sessions: list[Session]) -> Counter[str]:
        return Counter(t.labels["act"] for s in sessions for t in s.turns if t.speaker == "user")

    assert acts(faulty) == acts(OWN)
    assert report.planted == report.eligible
    pairs = Counter((p.before, p.after) for p in planted if p.name == "act")
    assert len({a for b, a in pairs if b == "agree"}) > 2, "one value must not all become one other"


def test_slot_faults_in_words_change_the_value_and_keep_the_label() -> None:
    faulty, planted, _ = plant(OWN, operator="slot_swap", kind="text", rate=1.0, seed=2)
    for p in planted:
        turn = next(s for s in faulty if s.id == p.session).turns[p.turn]
        own = turn.labels["slots"]["item"]
        assert own in p.before
        assert own not in p.after
        assert any(p.after == p.before.replace(own, other) for other in ITEMS)


def test_systematic_faults_word_one_act_as_one_other_everywhere() -> None:
    _, planted, report = plant(OWN, operator="act_swap", kind="systematic", rate=1.0, seed=2, aids=AIDS)
    by_id = {s.id: s for s in OWN}
    broken = {by_id[p.session].turns[p.turn].labels["act"] for p in planted}
    assert len(broken) == 1
    assert report.planted == sum(
        t.labels["act"] in broken for s in OWN for t in s.turns if t.speaker == "user"
    )  # fmt: skip
    assert len({p.after.split(" s0")[0] for p in planted}) == 1
    assert {p.name for p in planted} <= {"act", "core_act"}


def test_goal_faults_in_words_change_every_turn_that_states_it_and_no_label() -> None:
    faulty, planted, _ = plant(OWN, operator="goal_swap", kind="text", rate=1.0, seed=2, aids=AIDS)
    assert {(p.turn, p.name) for p in planted} == {(1, "goal")}
    assert [s.session_labels for s in faulty] == [s.session_labels for s in OWN]


@pytest.mark.parametrize("operator", ["early_reveal", "omniscient"])
def test_private_facts_come_out_before_they_can_be_known(operator: str) -> None:
    _, planted, _ = plant(OWN, operator=operator, kind="text", rate=1.0, seed=2)
    by_id = {s.id: s for s in OWN}
    assert {p.name for p in planted} == {"private.user.secret", "private.user.never"}
    for p in planted:
        session = by_id[p.session]
        value = session.private["user"][p.name.rsplit(".")[-1]]
        assert session.turns[p.turn].speaker == ("user" if operator == "early_reveal" else "assistant")
        assert value in p.after
        assert value not in p.before
        assert p.name.endswith("never") or p.turn < session.disclosures[0].turn


def test_a_gate_that_is_open_leaves_nothing_to_reveal() -> None:
    aids = Aids(gates={("user", "secret"): frozenset({"go_on_0"}), ("user", "never"): frozenset()})
    _, planted, _ = plant(OWN, operator="early_reveal", kind="text", rate=1.0, seed=2, aids=aids)
    assert {p.turn for p in planted if p.name == "private.user.secret"} == {1}, "the gate opens at turn 2"


def test_a_model_is_asked_once_per_turn_and_several_at_a_time() -> None:
    asked: list[tuple[str, int]] = []
    inside, most, lock = 0, 0, threading.Lock()

    def slow(session: Session, turn: int, wrong: Mapping[str, Any]) -> str:
        nonlocal inside, most
        with lock:
            asked.append((session.id, turn))
            inside += 1
            most = max(most, inside)
        time.sleep(0.002)
        with lock:
            inside -= 1
        return f"{reword(session, turn, wrong)}"

    order = {"operator": "act_swap", "kind": "text", "rate": 0.5, "seed": 2}
    faulty, planted, _ = plant(OWN, **order, aids=Aids(reword=slow, at_once=4))
    assert len(asked) == len(set(asked)) == len({(p.session, p.turn) for p in planted})
    assert 1 < most <= 4
    alone, _, _ = plant(OWN, **order, aids=Aids(reword=slow, at_once=1))
    assert [s.line() for s in alone] == [s.line() for s in faulty]


def test_turns_that_the_model_could_not_word_are_redrawn_and_counted() -> None:
    def moody(session: Session, turn: int, wrong: Mapping[str, Any]) -> str | None:
        return None if turn % 4 == 1 else reword(session, turn, wrong)

    _, planted, report = plant(OWN, operator="act_swap", kind="text", rate=0.3, seed=2, aids=Aids(reword=moody))
    assert report.planted == report.asked
    assert report.no_ops > 0
    assert all(p.turn % 4 != 1 for p in planted)


def test_without_a_kind_the_operators_first_one_is_taken() -> None:
    assert {p.kind for p in plant(OWN, operator="blank", rate=0.2, seed=2)[1]} == {"text"}
    assert {p.kind for p in plant(OWN, operator="act_swap", rate=0.2, seed=2)[1]} == {"label"}


def test_no_persona_is_swapped_by_a_model_that_does_not_heed_it() -> None:
    with pytest.raises(BadInput, match="nothing here that persona_mid"):
        plant(OWN, operator="persona_mid", rate=0.2, seed=2, aids=Aids(reword=reword))


def test_lines_that_a_fault_repeats_or_denies_stand_in_the_faulty_session() -> None:
    lines = ("we have two dogs", "we have one cat", "we have no pets")
    rng = np.random.default_rng(1)
    texts = [[lines[int(i)] for i in rng.integers(3, size=6)] for _ in range(8)]
    run = [Session(id=f"p{n}", turns=tuple(Turn(speaker="user", text=t) for t in own)) for n, own in enumerate(texts)]
    redrawn = 0
    for seed in range(30):
        faulty, planted, report = plant(run, operator="repeat", rate=0.6, seed=seed)
        redrawn += report.no_ops
        by_id = {s.id: s.turns for s in faulty}
        assert all(p.after in [t.text for t in by_id[p.session][: p.turn]] for p in planted)
        faulty, planted, _ = plant(run, operator="line_contra", rate=0.6, seed=seed)
        by_id = {s.id: s.turns for s in faulty}
        for p in planted:
            line = next(x for x in run if x.id == p.session).turns[p.turn - 1].text
            assert by_id[p.session][p.turn - 1].text.startswith(line)
            assert (turned(line) or line) in p.after, "the line before stands, and its opposite follows"
            assert p.after.startswith(p.before)
    assert redrawn, "no draw met a line that was already taken, so the test shows nothing"


@pytest.mark.parametrize(
    ("line", "opposite"),
    [
        ("i have two dogs.", "i do not have two dogs."),
        ("I am a teacher", "I am not a teacher."),
        ("my father used to work for home depot.", None),
        ("horror movies are my favorites.", "horror movies are my least favorites."),
        ("i love to cook", "i hate to cook."),
        ("i would like a table", "i would not like a table."),
        ("i don't eat meat.", None),
        ("i'm a stunt double.", "i'm not a stunt double."),
        ("", None),
    ],
)
def test_a_statement_is_turned_by_rule_or_denied(line: str, opposite: str | None) -> None:
    said = contradicted(line, np.random.default_rng(0))
    assert said == opposite if opposite else line.rstrip(".") in said
    assert turned(line) is None or opposite


def test_persona_sentences_are_split_cut_and_told_by_the_other_party() -> None:
    long = "word " * 10_000
    assert [len(s) <= 240 for s in sentences(f"{long}. I cook. ... I sing!")] == [True, True, True]
    assert to_second_person("I'm shy and my dog likes me.") == "you're shy and your dog likes you"
    persona = {"user": {"persona": [f"i have {n} dogs and a red {n} boat." for n in ("two", "three")]}}
    turns = [Turn(speaker=x, text=f"{x} line {i}") for i in range(4) for x in ("user", "assistant")]
    run = [Session(id=f"c{i}", turns=tuple(turns), private=persona) for i in range(4)]
    faulty, planted, _ = plant(run, operator="omniscient", rate=1.0, seed=1)
    assert {p.name for p in planted} == {"private.user.persona"}
    assert all("you have t" in p.after and faulty[0].turns[p.turn].speaker == "assistant" for p in planted)
    with pytest.raises(BadInput, match="nothing here that early_reveal"):
        plant(run, operator="early_reveal", rate=1.0, seed=1)


def test_a_record_with_another_persona_takes_the_label_along() -> None:
    run = []
    for n, s in enumerate(FOREIGN):
        persona = [f"i am {n}."]
        run.append(
            s.model_copy(update={"private": {"user": {"persona": persona}}, "session_labels": {"persona": persona}})
        )
    faulty, planted, report = plant(run, operator="persona_mid", kind="label", rate=0.5, seed=1)
    assert {p.name for p in planted} == {"persona", "private.user.persona"}
    assert len(planted) == 2 * report.planted
    for old, new in zip(run, faulty, strict=True):
        assert new.turns == old.turns
        assert new.private["user"]["persona"] == new.session_labels["persona"]
    assert [s.line() for s in restore(faulty, planted)] == [s.line() for s in run]


@pytest.mark.parametrize("kind", ["text", "systematic"])
def test_foreign_turns_take_the_words_of_a_turn_that_has_the_wrong_value(kind: str) -> None:
    faulty, planted, _ = plant(FOREIGN, operator="act_swap", kind=kind, rate=1.0, seed=3, label="state.food")
    said = {t.text: t.labels["state"]["food"] for s in FOREIGN for t in s.turns if "state" in t.labels}
    for p in planted:
        own = next(s for s in faulty if s.id == p.session).turns[p.turn].labels["state"]["food"]
        assert said[p.after] != own, "the words are of another value, the label stays"
    pairs = {(said[p.before], said[p.after]) for p in planted}
    assert len({b for b, _ in pairs}) == len(pairs) if kind == "systematic" else len(pairs) > 3


def test_a_systematic_mark_is_the_same_everywhere() -> None:
    for operator in ("generic", "template_marks"):
        _, planted, _ = plant(FOREIGN, operator=operator, kind="systematic", rate=1.0, seed=5)
        added = {p.after.removeprefix(p.before) if operator == "template_marks" else p.after for p in planted}
        assert len(added) == 1


def test_a_fact_told_in_other_words_is_told() -> None:
    turns = tuple(Turn(speaker="user", text=t) for t in ("hello", "the one painted red", "thanks", "bye"))
    ledger = (Disclosure(turn=1, party="user", fact="code"),)
    told = Session(id="a", scenario="a", private={"user": {"code": "red door"}}, disclosures=ledger, turns=turns)
    assert {plant([told], operator="early_reveal", rate=1.0, seed=s)[1][0].turn for s in range(20)} == {0}


def test_persona_lines_are_those_that_the_door_names() -> None:
    aids = Aids(persona=lambda session: ["you are tidy and shy"])
    _, planted, _ = plant(OWN, operator="persona_copy", kind="text", rate=0.5, seed=2, aids=aids)
    assert {p.after for p in planted} == {"you are tidy and shy"}


def test_truth_reads_back(tmp_path) -> None:
    _, planted, _ = plant(FOREIGN, operator="act_swap", kind="label", rate=1.0, seed=2)
    assert {"state.food", "mood", "stars", "rating"} == {p.name for p in planted}
    assert write_truth(tmp_path / "truth.jsonl.gz", planted) == len(planted)
    assert list(read_truth(tmp_path / "truth.jsonl.gz")) == planted
    first = json.loads(planted[0].line())
    assert list(first) == ["session", "turn", "name", "operator", "kind", "before", "after"]


def test_right_to_left_text_emoji_and_control_characters_simply_work() -> None:
    mark = "\u0634\u0643\u0631\u0627 \U0001f642 {x} %s \x07"
    odd = [
        s.model_copy(update={"turns": tuple(t.model_copy(update={"text": f"{mark} {t.text}"}) for t in s.turns)})
        for s in OWN
    ]
    for operator, kind in PAIRS:
        faulty, planted, _ = plant(odd, operator=operator, kind=kind, rate=0.4, seed=1, aids=AIDS)
        assert [s.line() for s in restore(faulty, planted)] == [s.line() for s in odd]
