"""In-house classifiers: printed and never support, cross-fitted, the same whatever the order of sessions."""

import numpy as np
import pytest
from verified_sessions import agent, foreign, own, user

from assay.records import Session, Verdict
from assay.verification.check import Corpus
from assay.verification.in_house import LEAST_SESSIONS, in_house

CODES = {"accept": "zig", "decline": "zag"}


def run(n: int, seed: int = 0, noise: bool = False) -> list[Session]:
    """Sessions in a private code: zig for accept, zag for decline; words of no meaning with `noise`."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n):
        act = str(rng.choice(list(CODES)))
        word = str(rng.choice(list(CODES.values()))) if noise else CODES[act]
        turn = user(f"{word} number{i}", act=act, core_act=act)
        made.append(own(agent("Well?"), turn, id=f"s{i:03d}", session_labels={"goal": act}))
    return made


def found(sessions: list[Session]) -> list[Verdict]:
    return list(in_house(Corpus(sessions=sessions)))


def test_too_few_sessions_or_only_foreign_ones() -> None:
    sessions = run(LEAST_SESSIONS)
    assert found(sessions)
    assert not found(sessions[1:])
    assert not found([foreign(*s.turns, id=s.id, session_labels=s.session_labels) for s in sessions])


def test_empty_sessions_do_not_count() -> None:
    empty = [own(id=f"e{i}", session_labels={"goal": "accept"}) for i in range(5)]
    assert not found([*run(LEAST_SESSIONS - 1), *empty])


def test_it_reads_the_private_code_and_is_never_independent() -> None:
    verdicts = found(run(40))
    assert {v.name for v in verdicts} == {"act", "core_act", "goal"}
    assert {v.status for v in verdicts} == {"supported"}
    assert not any(v.independent or v.guard or v.evidence for v in verdicts)
    assert {v.by for v in verdicts} == {"in-house classifier"}


def test_a_label_does_not_read_itself() -> None:
    """Broken twin: fitted on the very label that it judges, it would support nearly all of these."""
    verdicts = [v for v in found(run(60, noise=True)) if v.name == "act"]
    supported = sum(v.status == "supported" for v in verdicts) / len(verdicts)
    assert len(verdicts) == 60
    assert supported < 0.75


def test_a_swapped_label_is_contradicted() -> None:
    sessions = run(40)
    turn = sessions[7].turns[1]
    wrong = "accept" if turn.labels["act"] == "decline" else "decline"
    swapped = turn.model_copy(update={"labels": {"act": wrong}})
    sessions[7] = sessions[7].model_copy(update={"turns": (sessions[7].turns[0], swapped)})
    verdict = next(v for v in found(sessions) if v.name == "act" and v.session == "s007")
    assert (verdict.status, verdict.read) == ("contradicted", turn.labels["act"])


def test_rare_values_are_not_applicable_with_a_reason() -> None:
    sessions = run(30)
    for i in range(4):
        turn = sessions[i].turns[1].model_copy(update={"labels": {"act": "rare"}})
        sessions[i] = sessions[i].model_copy(update={"turns": (sessions[i].turns[0], turn)})
    rare = [v for v in found(sessions) if v.name == "act" and v.session < "s004"]
    assert [(v.status, v.score, v.reason) for v in rare] == [("not_applicable", None, "too few labels")] * 4


def test_one_value_only_says_nothing() -> None:
    sessions = [s.model_copy(update={"session_labels": {"goal": "same"}}) for s in run(30)]
    assert not [v for v in found(sessions) if v.name == "goal"]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_sessions_changes_nothing(seed: int) -> None:
    sessions = run(40, seed, noise=True)
    mixed = [sessions[i] for i in np.random.default_rng(seed).permutation(40)]
    assert found(sessions) == found(mixed)


@pytest.mark.filterwarnings("error")
def test_many_different_values_of_few_labels_print_no_warning() -> None:
    sessions = run(30)
    for i in range(6, 30):
        turn = sessions[i].turns[1].model_copy(update={"labels": {"act": f"own{i}"}})
        sessions[i] = sessions[i].model_copy(update={"turns": (sessions[i].turns[0], turn)})
    assert sum(v.reason == "too few labels" for v in found(sessions) if v.name == "act") >= 24
