"""PT01, PT02: knowledge states from the ledger, probes in several forms, and beliefs tracked without a model."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verified_sessions import agent, foreign, own, user

from assay.records import Session
from assay.records.session import Knowledge
from assay.verification.check import Corpus
from assay.verification.judges.prompt import LETTERS, Answers
from assay.verification.minds import reading
from assay.verification.minds.probes import FORMS, Probe, gathered, is_right, probes
from assay.verification.minds.states import NO_LEDGER, NO_MODEL, State, states
from assay.verification.minds.stories import chain_of, read_story
from assay.verification.minds.tracker import Event, believed, heeded
from assay.verification.one import select, verify_corpus

NUMBERS = ("NB-11111", "NB-22222", "NB-33333")


def session(number: int, said: bool = True, value: str | None = None, **more: object) -> Session:
    """The order number is said in turn 3 of 6, or never."""
    own_value = NUMBERS[number % 3] if value is None else value
    spoken = f"It is {own_value}." if said else "I'd rather not say."
    row = Knowledge(party="user", fact="order_number", knower="assistant", from_turn=4 if said else None,
                    how="said" if said else None)  # fmt: skip
    return own(
        agent("Hello."), user("I want to return it."), agent("What is your order number?"), user(spoken),
        agent("Thank you."), user("Bye."), id=f"s{number:03d}",
        private={"user": {"order_number": own_value}}, **{"knowledge": (row,), **more},
    )  # fmt: skip


def truth(probe: Probe, *, open_right: bool = True) -> tuple[Answers, str]:
    """What a reader of minds answers."""
    if probe.form == "free":
        return None, (f"it is {probe.state.value}" if probe.state.knows == open_right else "unknown")
    return pick(probe, probe.right)


def pick(probe: Probe, option: int) -> tuple[Answers, str]:
    """The answer of a reader that is sure of one option."""
    return {LETTERS[i]: -0.01 if i == option else -9.0 for i in range(len(probe.ask.options))}, ""


Reader = Callable[[Probe], tuple[Answers, str]]


def read(sessions: Sequence[Session], reader: Reader = truth, limit: int = 100) -> list[tuple[str, str | None]]:
    asked = probes(states(sessions, limit, 1), 1)
    made = reading.verdicts(asked, [reader(p) for p in asked], "judge", True)
    return [(v.code, v.status) for v in made]


class TestStates:
    @pytest.mark.parametrize(
        "odd",
        [session(0, knowledge=()), session(0, value=""), session(0, value="  "), foreign(user("hi")), foreign(),
         session(0).model_copy(update={"language": "de"}), own(id="e", private={"user": {"order_number": "x"}})],
        ids=range(7),
    )  # fmt: skip
    def test_no_ledger_no_state_and_a_reason(self, odd: Session) -> None:
        assert states([odd], 10, 0) == []
        found = verify_corpus(Corpus(sessions=[odd]), frozenset(reading.CODES))
        assert [(v.code, v.status) for v in found] == [("PT01", "not_applicable"), ("PT02", "not_applicable")]
        assert {v.reason for v in found} <= {NO_LEDGER, "language"}

    def test_without_a_model_every_session_says_so(self) -> None:
        found = verify_corpus(Corpus(sessions=[session(0), session(1)]), select(["PT01", "pt02"]))
        assert [(v.session, v.status, v.reason) for v in found] == [
            (s, "not_applicable", NO_MODEL) for s in ("s000", "s000", "s001", "s001")
        ]

    def test_a_fact_is_known_from_the_turn_in_which_it_is_said(self) -> None:
        found = states([session(i) for i in range(40)], 1000, 0)
        assert {(x.turn, x.knows) for x in found} == {
            (0, False),
            (1, False),
            (2, False),
            (3, True),
            (4, True),
            (5, True),
        }
        assert len(found) == 80, "one state before and one after"

    def test_a_fact_that_is_never_said_is_never_known(self) -> None:
        found = states([session(i, said=False) for i in range(5)], 1000, 0)
        assert [x.knows for x in found] == [False] * 5

    def test_what_was_looked_up_is_known_and_not_said(self) -> None:
        row = Knowledge(party="user", fact="order_number", knower="assistant", from_turn=0, how="looked_up")
        (found,) = states([session(0, said=False, knowledge=(row,))], 10, 0)
        assert (found.knows, found.told) == (True, False)
        assert "second_order" not in {p.form for p in probes([found], 0)}, "nobody knows what the user thinks of it"

    def test_the_subset_is_seeded_balanced_and_free_of_order(self) -> None:
        sessions = [session(i, said=i % 4 == 0) for i in range(30)]
        few = states(sessions, 10, 7)
        assert few == states(sessions[::-1], 10, 7) != states(sessions, 10, 8)
        assert sum(x.knows for x in few) == 5
        assert states(sessions, 0, 7) == []


class TestProbes:
    def test_no_probe_shows_what_comes_after_its_turn_and_none_depends_on_the_ledger(self) -> None:
        said, kept = session(1), session(1)
        kept = kept.model_copy(
            update={"knowledge": (said.knowledge[0].model_copy(update={"from_turn": None, "how": None}),)}
        )
        state = State(said, 4, "user", "order_number", NUMBERS[1], NUMBERS[0], "assistant", True, True)
        other = state._replace(session=kept, knows=False, told=False)
        assert [p.ask for p in probes([state], 0)] == [p.ask for p in probes([other], 0)]
        early = probes([state._replace(turn=1, knows=False, told=False)], 0)
        for p in early:
            assert "order number?" not in p.ask.prefix
            assert NUMBERS[1] not in p.ask.prefix
            assert p.ask.prefix.count("\n") == 5

    def test_all_forms_are_asked_and_their_options_are_shuffled(self) -> None:
        asked = probes(states([session(i) for i in range(40)], 80, 0), 0)
        assert {p.form for p in asked} == set(FORMS)
        for form in set(FORMS) - {"free"}:
            assert len({p.right for p in asked if p.form == form}) > 1

    def test_a_value_that_is_the_same_everywhere_has_no_choice_probe(self) -> None:
        asked = probes(states([session(0)], 10, 0), 0)
        assert {p.form for p in asked} == set(FORMS) - {"choice"}

    @pytest.mark.parametrize(
        ("knows", "words", "right"),
        [(True, "NB-11111", True), (True, "the number is nb-11111.", True), (True, "unknown", False),
         (True, "NB-111112", False), (True, "", None), (False, "unknown", True), (False, "It was not said yet", True),
         (False, "NB-11111", False), (False, "NB-99999", False), (False, "not known, or NB-11111", False),
         (False, "yes", False), (False, " ", None)],
    )  # fmt: skip
    def test_words_of_ones_own(self, knows: bool, words: str, right: bool | None) -> None:
        state = State(session(0), 1, "user", "order_number", "NB-11111", None, "assistant", knows, knows)
        probe = next(p for p in probes([state], 0) if p.form == "free")
        assert is_right(probe, (None, words)) is right

    @given(st.booleans(), st.integers(0, 5), st.integers(0, 2))
    def test_the_opposite_of_a_state_is_what_the_opposite_state_has_right(self, knows: bool, turn: int, n: int) -> None:
        state = State(session(n), turn, "user", "order_number", NUMBERS[n], NUMBERS[n - 1], "assistant", knows, knows)
        twin = {p.form: p for p in probes([state._replace(knows=not knows, told=not knows)], 0)}
        for probe in probes([state], 0):
            assert is_right(probe, truth(twin[probe.form]), turned=True) is True
            assert is_right(probe, truth(twin[probe.form])) is False


class TestVerdicts:
    def test_right_in_every_form_is_supported(self) -> None:
        found = read([session(i) for i in range(4)])
        assert set(found) == {("PT01", "supported"), ("PT02", "supported")}

    @pytest.mark.parametrize("form", [f for f in FORMS if f != "free"])
    def test_one_wrong_form_breaks_the_conjunction(self, form: str) -> None:
        def almost(p: Probe) -> tuple[Answers, str]:
            wrong = (p.right + 1) % max(1, len(p.ask.options))
            return pick(p, wrong) if p.form == form else truth(p)

        found = read([session(i, said=False) for i in range(4)], almost)
        assert set(found) == {("PT01", "contradicted"), ("PT02", "not_evidenced")}

    def test_picking_what_one_cannot_say_is_found(self) -> None:
        found = read([session(i) for i in range(4)], lambda p: truth(p, open_right=False))
        assert set(found) == {("PT01", "contradicted"), ("PT02", "contradicted")}

    @pytest.mark.parametrize("answer", [(None, ""), ({}, ""), ({"Z": -1.0}, "  ")])
    def test_no_answer_is_its_own_bucket(self, answer: tuple[Answers, str]) -> None:
        assert set(read([session(0)], lambda p: answer)) == {("PT01", "unparsed"), ("PT02", "unparsed")}
        assert read([], lambda p: answer) == []

    def test_figures_count_every_state(self) -> None:
        asked = probes(states([session(i) for i in range(30)], 60, 1), 1)
        answers = [truth(p) if p.state.session.id != "s000" else (None, "") for p in asked]
        found = reading.figures(asked, answers)
        assert (found["states"], found["unparsed"]) == (60, 2)
        assert found["conjunction"]["mean"] == 1.0
        assert found["conjunction"]["n"] == 58
        assert found["gap"]["mean"] == 0.0

    def test_a_reader_that_always_says_yes_has_no_power(self) -> None:
        """Broken twin: a trial that scored the same states twice would show power."""
        asked = probes(states([session(i) for i in range(60)], 120, 1), 1)
        yes = [
            (pick(p, p.ask.options.index("yes")) if "yes" in p.ask.options else truth(p))
            if p.form != "free"
            else (None, "NB")
            for p in asked
        ]
        tried = list(reading.trials(asked, yes))
        assert {t.right for t in tried} == {t.wrong for t in tried} == {"contradicted"}
        good = list(reading.trials(asked, [truth(p) for p in asked]))
        assert {t.right for t in good} == {"supported"}
        assert {t.wrong for t in good} == {"contradicted"}
        assert len(gathered(asked, yes)) == 120


STORY = [
    "Ann, Bob and Cy entered the hall.", "The cup is in the red_box.", "Ann exited the hall.",
    "Bob moved the cup to the blue_box.", "Cy likes tea.", "Bob exited the hall.", "Cy moved the cup to the bag.",
    "Cy exited the hall.", "Ann, Bob and Cy entered the yard.", "Cy publicly claimed that cup is in the tin.",
]  # fmt: skip


class TestTracker:
    @pytest.mark.parametrize(
        ("question", "answer"),
        [("Where is the cup really?", "bag"), ("Where does Ann really think the cup is?", "tin"),
         ("Where does Cy really think the cup is?", "bag"), ("Where does Bob think Ann thinks the cup is?", "red_box"),
         ("Where does Cy think Bob thinks the cup is?", "tin"), ("Where does Dan think the cup is?", None),
         ("Where does Ann think the hat is?", None)],
    )  # fmt: skip
    def test_a_story(self, question: str, answer: str | None) -> None:
        story = read_story(STORY)
        people, thing = chain_of(question)
        assert believed(story.events, people, thing, story.trust()) == answer

    def test_whoever_comes_back_sees_where_things_are(self) -> None:
        story = read_story([*STORY[:8], "Ann entered the hall."])
        assert believed(story.events, ("Ann",), "cup") == "bag"
        assert believed(story.events, ("Bob", "Ann"), "cup") == "red_box"

    @pytest.mark.parametrize(
        "text", [[], [""], ["Nothing of the kind."], ["\u200b entered the ."], ["The is in the x."]]
    )
    def test_other_texts_hold_no_events(self, text: list[str]) -> None:
        assert read_story(text).events == ()

    @given(
        st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from("123"), st.frozensets(st.sampled_from("abc")))),
        st.lists(st.sampled_from("abc"), max_size=3),
    )
    @settings(max_examples=200)
    def test_laws_of_common_witness(self, rows: list[tuple[str, str, frozenset[str]]], chain: list[str]) -> None:
        events = [Event(i, fact, value, who) for i, (fact, value, who) in enumerate(rows)]
        held = believed(events, chain, "x")
        assert held == believed(events, [n for n in chain for _ in range(2)], "x"), "a doubled name changes nothing"
        assert held == believed(events[::-1], chain, "x")
        seen = [e for e in events if e.witnesses.issuperset(chain)]
        assert held == believed(seen, (), "x"), "the truth of what the chain witnessed"
        assert heeded(events, chain) == seen
