"""Labels copied word for word, and private facts used before they could be: found where planted, and only there."""

from time import monotonic
from typing import Any

import pytest
from verified_sessions import agent, foreign, only, own, quotes_stand, user

from assay.authoring.blueprints import load_blueprint
from assay.records import Disclosure, Session, Turn, Verdict
from assay.verification.check import SUPPORTING, Corpus
from assay.verification.leaks import early_facts, verbatim_leaks

CODE = "red door code 7"


def early(session: Session) -> list[Verdict]:
    """IA01 of one session."""
    found = list(early_facts(Corpus(sessions=[session])))
    assert quotes_stand([session], found)
    return found


def copied(session: Session, blueprint: Any = None) -> list[Verdict]:
    """LB03 of one session."""
    found = list(verbatim_leaks(Corpus(sessions=[session], blueprint=blueprint)))
    assert quotes_stand([session], found)
    return found


def told(*turns: Turn, at: int | None, value: Any = CODE, party: str = "user") -> Verdict:
    """IA01 of an own session whose fact is disclosed at a turn, or never."""
    ledger = () if at is None else (Disclosure(turn=at, party=party, fact="code"),)
    return only(early(own(*turns, private={party: {"code": value}}, disclosures=ledger)))


class TestEarlyInOwnSessions:
    @pytest.mark.parametrize("leaker", [user, agent])
    def test_before_the_disclosure_by_either_party(self, leaker: Any) -> None:
        found = told(agent("Hello."), leaker("Is it the Red Door Code 7?"), user(f"It is {CODE}."), at=2)
        assert (found.status, found.turn, found.name) == ("contradicted", 1, "private.user.code")
        assert [q.quote for q in found.evidence] == ["Red Door Code 7"]
        assert (found.independent, found.guard, found.score) == (True, False, 0.0)

    def test_at_the_disclosure_and_after_it_is_fine_but_a_guard(self) -> None:
        found = told(agent("Hello."), user(f"It is {CODE}."), agent(f"So {CODE}."), user(f"Yes, {CODE}."), at=1)
        assert (found.status, found.turn, found.evidence) == ("supported", None, ())
        assert (found.independent, found.guard) == (False, True)

    @pytest.mark.parametrize("leaker", [user, agent])
    def test_a_fact_that_is_never_disclosed(self, leaker: Any) -> None:
        assert told(user("Hello."), leaker(CODE), at=None).turn == 1

    def test_the_assistants_facts_are_watched_too(self) -> None:
        turns = (user("Can I have the 40 euro voucher?"), agent("How do you know?"))
        found = told(*turns, at=None, value="40 euro voucher", party="assistant")
        assert (found.status, found.turn, found.name) == ("contradicted", 0, "private.assistant.code")

    def test_somebody_elses_disclosure_does_not_open_it(self) -> None:
        session = own(
            user("Hello."), user(CODE), private={"user": {"code": CODE}},
            disclosures=(
                Disclosure(turn=0, party="user", fact="other"), Disclosure(turn=0, party="assistant", fact="code"),
            ),
        )  # fmt: skip
        assert only(early(session)).status == "contradicted"

    def test_the_persona_is_no_secret(self) -> None:
        private = {"user": {"persona": "calm and polite"}}
        assert only(early(own(user("calm and polite"), private=private))).status == "supported"
        assert only(early(own(agent("calm and polite"), private=private))).status == "contradicted"


class TestEarlyInForeignSessions:
    def judge(self, *turns: Turn, value: Any = CODE, party: str = "user", **others: Any) -> Verdict:
        session = foreign(*turns, private={party: {"brief": value}, **others})
        return only(early(session), name=f"private.{party}.brief")

    def test_the_partner_before_anybody(self) -> None:
        found = self.judge(user("Hello."), agent(f"You mean {CODE}."), user(f"{CODE}."))
        assert (found.status, found.turn, found.independent, found.guard) == ("contradicted", 1, True, False)

    def test_the_owner_at_any_time_and_the_partner_after_it(self) -> None:
        found = self.judge(user(f"It is {CODE}."), agent(f"So {CODE}."))
        assert (found.status, found.independent, found.guard) == ("supported", True, False)

    def test_a_tool_tells_it(self) -> None:
        tool = Turn(speaker="tool", text='{"code": "red door code 7"}')
        assert self.judge(user("Hello."), tool, agent(f"So {CODE}.")).status == "supported"
        assert self.judge(user("Hello."), agent(f"So {CODE}."), tool).status == "contradicted"

    def test_the_owner_saying_another_fact_does_not_tell_this_one(self) -> None:
        found = self.judge(user("It is order 99887."), agent("red door code 7"), value=["order 99887", CODE])
        assert (found.status, found.turn) == ("contradicted", 1)

    def test_a_partner_who_has_it_in_their_own_facts_knows_it(self) -> None:
        turns = (agent(f"It says {CODE} here."), user("Yes."))
        found = self.judge(*turns, assistant={"record": {"note": f"has the {CODE}."}})
        assert (found.status, found.reason) == ("not_applicable", "partner_knows")
        assert self.judge(*turns, assistant={"record": {"note": "has the red door code 77"}}).status == "contradicted"

    BRIEF = (
        "You are Ann Lee (ann_lee_4231, ann.lee@mail.example.com.) and you want to send back order W55321 and to pay "
        "1234 euros at most, since the kettle is 12 days old; write to bob@x.org."
    )

    @pytest.mark.parametrize(
        ("said", "entity"),
        [
            ("Is that Ann.Lee@mail.example.com?", "Ann.Lee@mail.example.com"),
            ("So bob@x.org it is", "bob@x.org"),
            ("User ann_lee_4231, right?", "ann_lee_4231"),
            ("That makes 1234.", "1234"),
        ],
    )
    def test_entities_of_long_instructions(self, said: str, entity: str) -> None:
        found = self.judge(agent(said), value=self.BRIEF)
        assert found.status == "contradicted"
        assert [q.quote for q in found.evidence] == [entity]

    @pytest.mark.parametrize("said", ["You want to send back an order.", "12 days", "The kettle, at most", "12345"])
    def test_the_other_words_of_long_instructions_are_no_leaks(self, said: str) -> None:
        assert self.judge(agent(said), value=self.BRIEF).status == "supported"

    @pytest.mark.parametrize(
        "value", ["yes", "red", "two", "12", "7", "", 7, 99, True, None, 3.5, {"a": "no"}, ["four"], [], {}]
    )
    def test_short_common_words_are_not_watched(self, value: Any) -> None:
        said = "yes red two 12 7 99 true none 3.5 no four"
        found = only(early(foreign(agent(said), private={"user": {"brief": value}})))
        empty = value in ("", None, [], {})
        assert (found.status, found.reason) == ("not_applicable", "empty" if empty else "too_common")

    @pytest.mark.parametrize("value", [1000, 999, -4321, "A-12", "kettle", {"deep": [{"er": "kettle"}, "A-12", 1000]}])
    def test_numbers_and_nested_values_are_watched(self, value: Any) -> None:
        said = "The kettle, A-12, for 1000, 999, no, -4321"
        assert self.judge(agent(said), value=value).status == "contradicted"

    def test_parts_of_words_are_no_leaks(self) -> None:
        assert self.judge(agent("The kettles of xA-12x, 10000"), value=["kettle", "A-12", 1000]).status == "supported"


class TestVerbatim:
    def test_four_words_of_the_goal_with_other_punctuation(self) -> None:
        blueprint = load_blueprint("returns")
        wordy = blueprint.goals["return_item"].model_copy(update={"words": "send the broken lamp back"})
        blueprint = blueprint.model_copy(update={"goals": {**blueprint.goals, "return_item": wordy}})
        session = own(user("Hello"), user("I'd send the, 'broken' LAMP!"), session_labels={"goal": "return_item"})
        found = only(copied(session, blueprint))
        assert (found.name, found.status, found.turn) == ("goal", "contradicted", 1)
        assert [q.quote for q in found.evidence] == ["send the, 'broken' LAMP!"]

    def test_three_words_are_no_copy_and_neither_are_four_out_of_order(self) -> None:
        session = foreign(
            user("a regular of ours. since long, ours of regular a"),
            session_labels={"profile": {"loyalty": "a regular of ours", "age": "30 to 49"}},
        )
        assert only(copied(session), name="profile.loyalty").status == "contradicted"
        cut = session.model_copy(
            update={"turns": (user("a regular of, hm, ours; ours of regular a"), agent("a regular of ours"))}
        )
        assert only(copied(cut), name="profile.loyalty").status == "supported"

    def test_values_of_fewer_than_four_words_cannot_be_copied(self) -> None:
        session = foreign(user("30 to 49"), session_labels={"profile": {"age": "30 to 49"}})
        found = only(copied(session))
        assert (found.status, found.reason, found.score) == ("not_applicable", "short_value", None)

    def test_private_facts_until_they_are_disclosed(self) -> None:
        secret = "found the same thing cheaper elsewhere"
        turns = (user("I found the same thing cheaper."),)
        private = {"user": {"true_reason": secret}}
        found = only(copied(own(*turns, private=private)))
        assert (found.name, found.status) == ("private.user.true_reason", "contradicted")
        ledger = (Disclosure(turn=0, party="user", fact="true_reason"),)
        assert only(copied(own(*turns, private=private, disclosures=ledger))).reason == "disclosed"
        assert only(copied(foreign(*turns, private=private))).reason == "told"
        kept = {"user": {"secret": secret}}
        assert only(copied(foreign(*turns, private=kept))).status == "contradicted"

    def test_a_persona_copied_into_its_own_lines(self) -> None:
        private = {"user": {"persona": ["i read twenty books a year.", "i have a dog"]}}
        found = only(
            copied(foreign(agent("i read twenty books a year"), user("i read twenty books."), private=private))
        )
        assert (found.name, found.turn, found.evidence[0].quote) == (
            "private.user.persona", 1, "i read twenty books.",
        )  # fmt: skip

    def test_it_is_a_veto(self) -> None:
        assert not {"LB03", "IA01", "CO05"} & SUPPORTING
        session = own(user("nothing"), session_labels={"profile": {"loyalty": "a regular of ours"}})
        found = only(copied(session))
        assert (found.status, found.guard, found.independent) == ("supported", True, False)

    def test_a_profile_that_is_no_table_is_left_alone(self) -> None:
        found = only(copied(foreign(user("a regular of ours"), session_labels={"profile": "a regular of ours"})))
        assert (found.status, found.reason) == ("not_applicable", "no_such_label")


class TestNothingIsDropped:
    """Every private fact and every session gets a word, whatever is in it."""

    def test_sessions_without_private_facts(self) -> None:
        for session in (foreign(user("Hello.")), own(user("Hello.")), foreign()):
            for found in (only(early(session)), only(copied(session))):
                assert (found.status, found.score, found.turn) == ("not_applicable", None, None)
                assert found.reason in ("no_private_facts", "no_such_label")

    def test_one_verdict_a_fact_of_any_type(self) -> None:
        facts = {
            "empty": "", "blank": " ", "none": None, "truth": True, "number": 7, "long": 7.25e300, "signs": "?!",
            "list": [1, "a", None], "deep": {"er": [{"est": ["the very last biscuit"]}]}, "zero": "0",
            "unicode": "İstanbul'da 二十 ½",
        }  # fmt: skip
        session = foreign(
            user("İstanbul'da 二十 ½ ?!"), agent("7 7.25e300 0"), private={"user": facts, "assistant": {}}
        )
        for found in (early(session), copied(session)):
            assert sorted(v.name or "" for v in found) == sorted(f"private.user.{f}" for f in facts)
            assert all((v.reason is not None) == (v.status == "not_applicable") for v in found)

    def test_a_huge_persona_and_a_huge_session_take_seconds(self) -> None:
        persona = " ".join(f"I own {1000 + i} blue parrots." for i in range(2500))
        turns = [user(f"Line {i} about parrots and 20{i % 90:02d}.") if i % 2 else agent("Yes.") for i in range(5000)]
        session = foreign(*turns, private={"user": {"persona": persona, "pin": "8841"}})
        began = monotonic()
        assert len(early(session)) == len(copied(session)) == 2
        assert monotonic() - began < 10

    def test_one_speaker_and_speakers_by_name(self) -> None:
        alone = foreign(Turn(speaker="Ann", text="pin 8841"), private={"Ann": {"pin": "8841"}, "Bob": {"pin": "7715"}})
        assert [v.status for v in early(alone)] == ["supported", "supported"]
