"""Private sentences said in other words (IA01), and claims without a source (IA02)."""

from typing import Any, ClassVar

import pytest
from verified_sessions import agent, foreign, only, own, quotes_stand, user

from assay.models import embeddings
from assay.records import Disclosure, Session, Turn, Verdict
from assay.verification.check import Corpus
from assay.verification.leaks import early_facts, ungrounded_claims
from assay.verification.leaks.meaning import Meaning, of_you
from assay.verification.leaks.paraphrase import Paraphrases

needs_embeddings = pytest.mark.skipif(not embeddings.available(), reason="the extra `embeddings` is not installed")
SECRET = "i was a champion swimmer before my knee operation"


def early(*turns: Turn, **more: Any) -> Verdict:
    """IA01 of one foreign session with the user's one fact."""
    session = foreign(*turns, private={"user": {"past": SECRET}, **more})
    found = list(early_facts(Corpus(sessions=[session])))
    assert quotes_stand([session], found)
    return only(found, name="private.user.past")


@needs_embeddings
class TestParaphrases:
    SAID = "You used to win swimming races until they operated on your knee."

    def test_the_partner_says_it_in_other_words_too_early(self) -> None:
        found = early(user("Hi there."), agent(f"Welcome! {self.SAID}"))
        assert (found.status, found.turn, found.independent) == ("contradicted", 1, True)
        assert (found.evidence[0].quote, found.read) == (self.SAID, SECRET)
        assert "paraphrase" in found.by
        assert found.severity == "minor"
        assert found.score is not None
        assert found.score < 0.4

    def test_after_the_owner_told_it_or_by_the_owner_it_is_fine(self) -> None:
        told = user("I swam in championships, but then my knee had to be operated on.")
        assert early(told, agent(self.SAID)).status == "supported"
        assert early(user("I won swimming races until my knee operation.")).status == "supported"

    def test_a_partner_that_speaks_of_itself_or_of_other_things(self) -> None:
        assert early(agent("I was never good at swimming, to be honest.")).status == "supported"
        assert early(agent("You can return the kettle within thirty days.")).status == "supported"

    def test_in_own_sessions_the_ledger_decides(self) -> None:
        def judge(*turns: Turn, at: int | None) -> Verdict:
            ledger = () if at is None else (Disclosure(turn=at, party="user", fact="past"),)
            session = own(*turns, private={"user": {"past": SECRET}}, disclosures=ledger)
            return only(early_facts(Corpus(sessions=[session])))

        said = "I used to win swimming races until they operated on my knee."
        assert judge(user(said), at=None).status == "contradicted"
        assert judge(agent("Why?"), user(said), at=1).status == "supported"
        assert judge(agent(self.SAID), user(said), at=1).turn == 0

    def test_another_number_is_another_fact(self) -> None:
        session = foreign(
            agent("You'd pay a $300 fee."), private={"user": {"limit": "you would pay a fee of $200 at most"}}
        )
        assert only(early_facts(Corpus(sessions=[session]))).status == "supported"

    def test_the_same_bytes_whatever_the_order(self) -> None:
        sessions = [
            foreign(user("Hi."), agent(f"{self.SAID}" if i % 7 == 0 else f"Room {i} is free for you."), id=f"f{i}",
                    private={"user": {"past": SECRET if i % 7 == 0 else f"you like painting house number {i}00"}})
            for i in range(60)
        ]  # fmt: skip
        one = [v.line() for v in early_facts(Corpus(sessions=sessions))]
        other = [v.line() for v in early_facts(Corpus(sessions=sessions[::-1]))]
        assert sorted(one) == sorted(other)


def test_without_embeddings_content_words_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "available", lambda: False)
    found = early(agent("You were a champion swimmer until that knee operation."))
    assert (found.status, found.by) == ("contradicted", "content words")
    assert early(agent("You were in hospital.")).status == "supported"


def test_one_person() -> None:
    assert of_you("I'm sure my dog likes me") == "you are sure your dog likes you"
    assert Meaning([]).sessions == 0
    assert Paraphrases([], Meaning([])).others == []


def claims(session: Session, party: str = "user") -> list[Verdict]:
    """IA02 of one party."""
    found = list(ungrounded_claims(Corpus(sessions=[session])))
    assert quotes_stand([session], found)
    return [v for v in found if v.name in (f"private.{party}", "private")]


class TestClaims:
    BRIEF: ClassVar = {
        "user": {"instruction": "You are Ann Lee and want to return order W55321, bought on May 20 for $200."}
    }

    def judge(self, *turns: Turn, **more: Any) -> list[Verdict]:
        return claims(foreign(*turns, private=self.BRIEF, **more))

    def test_a_value_from_nowhere(self) -> None:
        found = only(self.judge(user("My e-mail is ann@x.org and I paid two hundred dollars.")))
        assert (found.status, found.turn, found.evidence[0].quote) == ("contradicted", 0, "ann@x.org")
        assert found.severity == "minor"

    @pytest.mark.parametrize(
        "said",
        ["It is order W-55321.", "I bought it on the 20th of May.", "It was $200.", "Could I get $350 back?",
         "There are 2 of them.", "I'd like to pay $120."],
    )  # fmt: skip
    def test_what_the_brief_holds_what_is_asked_and_what_is_small(self, said: str) -> None:
        assert only(self.judge(user(said))).status == "supported"

    def test_what_the_partner_said_but_not_what_only_its_tool_answered(self) -> None:
        call = Turn(speaker="assistant", text="", tool_calls=[{"name": "find"}])
        answer = Turn(speaker="tool", text='{"card": "7714"}')
        assert only(self.judge(agent("Your card ends in 7714."), user("Yes, the 7714."))).status == "supported"
        found = only(self.judge(user("Hi."), call, answer, user("Take my card 7714.")))
        assert (found.status, found.turn) == ("contradicted", 3)

    def test_severity_is_the_outcome_where_it_was_taken_up(self) -> None:
        turns = (user("My code is QX-4471."), agent("Thank you, QX-4471 it is."))
        for reward, weight in ((1.0, "helped"), (0.0, "hindered")):
            assert only(self.judge(*turns, session_labels={"reward": reward})).severity == weight
        assert only(self.judge(*turns)).severity == "minor"

    def test_sums_are_known(self) -> None:
        assert only(self.judge(agent("Postage is $15."), user("So it was $215 in all."))).status == "supported"

    def test_where_it_does_not_apply(self) -> None:
        assert claims(foreign(user("4471")))[0].reason == "no_private_facts"
        persona = foreign(user("i am 45 years old"), private={"user": {"persona": "i like dogs"}})
        assert claims(persona)[0].reason == "view_unknown"
        cut = Turn(speaker="tool", text='{"orders": [{"id": "W5')
        silent = foreign(agent("Hello."), cut, agent("It is order W-99887."), private=self.BRIEF)
        assert claims(silent, "assistant")[0].reason == "cut_tool_answer"
        assert claims(silent)[0].reason == "no_turn"
