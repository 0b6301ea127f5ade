"""BR01 to BR05 and whose fault it was."""

import json

import pytest

from assay.cli.wording import fault_lines
from assay.records.session import Session, Turn
from assay.verification.check import Corpus
from assay.verification.fidelity.briefs import split_brief
from assay.verification.fidelity.fault import user_fault
from assay.verification.fidelity.one import CODES, brief_fidelity
from assay.verification.fidelity.values import Known, stated

BRIEF = (
    "You are ann_lee_12. You want to cancel order #W77 of May 20. You also want to know the balance of your gift card. "
    "You do not want insurance. If the agent tells you basic tickets cannot be changed (do not mention it if the agent "
    "does not mention it), you accept."
)


def session(*turns: tuple[str, str], brief: str | None = BRIEF, reward: float | None = 0.0, id: str = "a") -> Session:
    return Session(
        id=id, turns=tuple(Turn(speaker=s, text=t) for s, t in turns),
        private={"user": {"instruction": brief}} if brief is not None else {},
        session_labels={} if reward is None else {"reward": reward},
    )  # fmt: skip


def verdicts(*sessions: Session):
    return list(brief_fidelity(Corpus(sessions=sessions)))


def faults(one: Session) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for v in verdicts(one):
        if v.status == "contradicted":
            found.setdefault(v.code, []).extend(q.quote for q in v.evidence)
            assert all(q.quote in one.turns[q.turn].text for q in v.evidence)
    return found


ASKED = ("user", "Cancel order #W77 of May 20th please, and what is the balance of my gift card?")


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (session(("assistant", "Hello")), "no_user_turn"),
        (session(), "no_user_turn"),
        (session(("user", "Hello"), brief=None), "no_brief"),
        (session(("user", "Hello"), brief=""), "no_brief"),
    ],
)
def test_not_applicable(one, reason):
    got = {v.code: v for v in verdicts(one)}
    assert set(got) == set(CODES)
    assert {v.reason for v in got.values() if v.code != "BR05"} == {reason}


def test_every_session_has_every_code():
    many = [session(ASKED, id="a"), session(("user", "x"), brief=None, id="b"), session(id="c")]
    assert {(v.session, v.code) for v in verdicts(*many)} == {(s.id, c) for s in many for c in CODES}


def test_a_faithful_user_is_not_flagged():
    assert faults(session(ASKED, ("assistant", "Done, $40. Anything else?"), ("user", "$40, thanks! ###STOP###"))) == {}


@pytest.mark.parametrize(
    ("code", "turns", "quote"),
    [
        ("BR01", [ASKED, ("assistant", "Your mail?"), ("user", "It is ann@example.com")], "ann@example.com"),
        ("BR01", [ASKED, ("user", "The total was $1,200.")], "$1,200"),
        ("BR01", [ASKED, ("user", "It is about May 21.")], "May 21"),
        ("BR03", [ASKED, ("user", "I don't have my user ID.")], "don't have my user ID"),
        ("BR03", [ASKED, ("user", "I'd like to add insurance")], "I'd like to add insurance"),
        ("BR03", [ASKED, ("user", "Can basic tickets be changed?")], "basic tickets"),
        ("BR04", [ASKED, ("assistant", "Your ID?"), ("user", "I'll get back to you."), ("assistant", "Bye"),
                  ("user", "###STOP###")], "get back to you"),
        ("BR05", [ASKED, ("user", "It is [provide order id].")], "[provide order id]"),
        ("BR05", [ASKED, ("user", "###STOP###"), ("user", "and more")], "###STOP###"),
        ("BR05", [ASKED, ("user", "It is {order_id}, thanks.")], "{order_id}"),
        ("BR05", [ASKED, ("user", "That is all. [/INST]")], "[/INST]"),
        ("BR05", [ASKED, ("user", "That is all. acts: inform")], "acts: inform"),
        ("BR05", [ASKED, ("user", "That is all. customer:")], "customer:"),
    ],
)  # fmt: skip
def test_each_fault_with_its_quote(code, turns, quote):
    assert quote in faults(session(*turns)).get(code, [])


def test_a_value_from_the_partner_or_a_tool_is_not_invented():
    assert "BR01" not in faults(session(ASKED, ("tool", '{"total": 1200}'), ("user", "So $1,200 then?")))
    assert "BR01" not in faults(session(ASKED, ("assistant", "May 2024-05-21?"), ("user", "Yes, May 21.")))


def test_a_sub_goal_never_tried():
    found = [v for v in verdicts(session(("user", "Cancel order #W77 of May 20."))) if v.code == "BR02"]
    assert [v.status for v in found] == ["contradicted"]
    assert "balance" in (found[0].read or "")


def test_spans_are_verbatim():
    for atom in split_brief(BRIEF):
        assert BRIEF[atom.start : atom.end] == atom.text
    assert {a.kind for a in split_brief(BRIEF)} == {"fact", "rule", "goal"}
    assert split_brief("") == ()


def test_values_in_one_form():
    known = Known(["three bags, 2024-05-20 and $1,200.00 from New York"])
    assert all(known.holds(v) for t in ("May 20th", "1200", "$3", "in New York") for v in stated(t))
    assert not any(known.holds(v) for t in ("May 21", "$1,300", "in San Diego") for v in stated(t))


def test_user_fault_and_outcomes():
    bad = [ASKED, ("user", "Mail: ann@example.com")]
    many = [
        session(ASKED, reward=1.0, id="none"), session(*bad, reward=0.0, id="hindered"),
        session(*bad, reward=1.0, id="helped"), session(*bad, reward=None, id="minor"),
        session(ASKED, brief=None, reward=0.0, id="unknown"),
    ]  # fmt: skip
    found = user_fault(many, verdicts(*many))
    assert found.by_session == {s.id: s.id for s in many[:4]}
    rows = found.rows()
    assert rows["user_fault"] == {"none": 1, "helped": 1, "hindered": 1, "minor": 1}
    assert rows["outcome_without_user_fault"]["without"]["n"] == 1
    assert found.sentence.startswith("1 of your 1 failed run has")
    json.dumps(rows, allow_nan=False)
    said = fault_lines(rows).splitlines()
    assert said[0] == found.sentence, "the terminal says what the report says"
    assert said[1].startswith("Succeeded: 67 %")
    assert said[1].endswith("without faults of the user 100 % of 1.")
    assert fault_lines({"user_fault": {"none": 3, "helped": 1, "hindered": 0, "minor": 0}}) == ""


def test_what_the_guards_refused_is_no_evidence():
    """Sessions of a scenario were worded under guards against the same words; sessions of others were not."""
    said = session(ASKED, ("user", "As an AI, my mail is ann@example.com"))
    own = said.model_copy(update={"scenario": "s1"})
    assert {(v.guard, v.independent) for v in verdicts(said) if v.status == "contradicted"} == {(False, True)}
    assert {v.code for v in verdicts(own) if v.status == "contradicted"} == {"BR01", "BR05"}
    assert all(v.guard and not v.independent for v in verdicts(own))
    assert user_fault([said], verdicts(said)).counts["hindered"] == 1
    assert not user_fault([own], verdicts(own)).by_session
