"""Fitting a policy from labelled sessions: bad input first, then what is read, then what comes out."""

import itertools
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from fitting_sessions import ACTS, known_talks, sgd_file, sgd_session

from assay.authoring.backoff import Item, learn
from assay.authoring.fitting import LEVELS, context_of, decisive, fit_policy, fit_talks, shares_above, turns_of
from assay.authoring.heldout import held_out, service_folds
from assay.authoring.steps import Corpus, Reading, Step, Talk, corpus_of
from assay.cli.root import run
from assay.door.fitting import init, read_corpus, simulated_talks
from assay.errors import BadInput, BadSessions
from assay.importing.core_acts import acts_map_of, parse_acts_map, read_acts_map, shipped_acts
from assay.records.act_maps import ActsMap
from assay.records.core_acts import CORE_ACTS
from assay.records.session import Session, Turn
from assay.records.storage import write_rows

DATA = Path(os.environ.get("ASSAY_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"


def plain(n: int, user: list[object], label: str = "acts", assistant: object = "request") -> list[Session]:
    """n sessions of an unknown set: one assistant turn, then one user turn for each label value."""
    turns = [Turn(speaker="assistant", text="q", labels={label: assistant})]
    turns += [Turn(speaker="user", text="a", labels={} if v is None else {label: v}) for v in user]
    return [Session(id=f"p{i}", turns=tuple(turns)) for i in range(n)]


class TestBadInput:
    def test_no_labels_at_all(self) -> None:
        with pytest.raises(BadSessions, match=r"no user turn of the 6 sessions carries a dialogue act.*none at all"):
            corpus_of(plain(6, [None]), Reading(map_of=acts_map_of))

    def test_other_labels_are_named(self) -> None:
        with pytest.raises(BadSessions, match=r"mood \(in 6 sessions\)"):
            corpus_of(plain(6, ["sad"], label="mood"), Reading(map_of=acts_map_of))

    def test_one_act_only(self) -> None:
        with pytest.raises(BadSessions, match="every labelled user turn is 'inform'"):
            corpus_of(plain(6, ["inform", ["inform"]]), Reading(map_of=acts_map_of))

    def test_labels_on_fewer_than_five_sessions(self) -> None:
        sessions = plain(4, ["inform", "thank"]) + [Session(id="x", turns=(Turn(speaker="user", text="a"),))] * 5
        with pytest.raises(BadSessions, match="in 4 of 9 sessions; fitting needs 5"):
            corpus_of(sessions, Reading(map_of=acts_map_of))

    def test_unknown_acts_are_listed_with_counts_and_what_to_write(self) -> None:
        with pytest.raises(BadSessions) as found:
            corpus_of(plain(6, ["TELL", ["TELL", "GREET"], "inform"]), Reading(map_of=acts_map_of))
        assert "2 acts that no map knows: TELL (12, user), GREET (6, user)" in found.value.what
        assert "--acts MAP.yaml" in found.value.now
        assert "'TELL': " in found.value.now
        # what is to be written reads back as a map once the core acts are put in
        lines = [line.strip() for line in found.value.now.splitlines() if line.strip().startswith("'")]
        table = yaml.safe_load("acts:\n" + "\n".join(f"  {line} thank" for line in lines))
        assert parse_acts_map(table).acts == {"TELL": ("thank",), "GREET": ("thank",)}

    def test_an_empty_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "e.jsonl").write_text("")
        assert run(["init", "--from", str(tmp_path / "e.jsonl"), "--out", str(tmp_path / "o.yaml")]) == 2
        assert "0 sessions" in capsys.readouterr().err
        assert not (tmp_path / "o.yaml").exists()

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ([1], "not a map of acts"),
            ({"act": {"A": "inform"}}, r"\['act'\]"),
            ({"acts": {"A": "tell"}}, "'tell' is not a core act"),
            ({"acts": {"A": ["inform", "tell"]}}, "'tell' is not a core act"),
            ({"acts": ["A"]}, "not a table of acts"),
            ({"label": "x"}, "the map names no act"),
            ({"label": 3, "acts": {"A": "inform"}}, "label is not a name"),
        ],
    )
    def test_bad_maps(self, content: object, says: str) -> None:
        with pytest.raises(BadInput, match=says):
            parse_acts_map(content)

    def test_a_map_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="cannot read the map"):
            read_acts_map(tmp_path / "none.yaml")

    def test_a_services_label_that_no_session_has(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="no session has the label 'domain'") as found:
            init(tmp_path / "o.yaml", sessions=sgd_file(tmp_path / "s.jsonl"), services="domain")
        assert "mood" in found.value.now

    def test_a_map_without_sessions(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="but no sessions"):
            init(tmp_path / "o.yaml", acts=tmp_path / "m.yaml")

    def test_the_file_is_there_already(self, tmp_path: Path) -> None:
        (tmp_path / "o.yaml").write_text("mine")
        with pytest.raises(BadInput, match="there already"):
            init(tmp_path / "o.yaml", sessions=tmp_path / "never_read.jsonl")
        assert (tmp_path / "o.yaml").read_text() == "mine"

    def test_likelihood_of_an_act_it_never_saw(self) -> None:
        policy = fit_talks(known_talks(20, 0), ACTS)
        with pytest.raises(BadInput, match="no probability for bye"):
            policy.log_prob([], ["bye"])
        with pytest.raises(BadInput, match="no act at all"):
            policy.log_prob([], [])

    def test_sessions_without_a_way_to_read_them(self) -> None:
        with pytest.raises(BadInput, match="pass a Reading"):
            fit_policy(plain(6, ["inform"]))


class TestReading:
    def test_a_text_a_list_and_objects_are_read(self) -> None:
        table = parse_acts_map({"name": "intent", "acts": {"A": "inform", "B": ["thank", "bye"], "C": None}})
        assert [a.name for a in table.named({"acts": "A"}) or ()] == ["A"]
        assert [a.name for a in table.named({"acts": ["A", {"intent": "B", "slot": "x"}]}) or ()] == ["A", "B"]
        assert table.named({}) is None
        assert table.core("B", "user") == ("thank", "bye")
        assert table.core("C", "user") == ()
        assert table.core("D", "user") is None

    def test_a_value_can_tell_acts_apart(self) -> None:
        sgd = shipped_acts("Schema-Guided Dialogue (DSTC8) x")
        assert sgd is not None
        acts = [{"act": "INFORM", "slot": "a", "values": ["dontcare"]}, {"act": "INFORM", "slot": "b", "values": ["x"]}]
        found = sgd.named({"acts": acts}) or []
        assert [sgd.core(a.name, "user") for a in found] == [("no_preference",), ("inform",)]
        assert [a.slot for a in found] == ["a", "b"]

    def test_party_entries_win(self) -> None:
        table = parse_acts_map({"acts": {"A": "inform"}, "user": {"A": "complain"}})
        assert (table.core("A", "user"), table.core("A", "assistant")) == (("complain",), ("inform",))

    def test_shipped_maps_name_core_acts_only(self) -> None:
        for source in ("Schema-Guided Dialogue", "CamRest676 via X", "PersuasionForGood (X)", "CaSiNo data"):
            found = shipped_acts(source)
            assert found is not None
            assert len(found.acts) >= 4
            assert {c for cores in found.acts.values() for c in cores} <= set(CORE_ACTS)

    def test_the_reader_reads_only_assistant_turns_without_labels(self) -> None:
        asked: list[str] = []

        def reader(text: str, previous: str | None) -> dict[str, float]:
            asked.append(text)
            return {"offer": 0.9, "bye": 0.2}

        turns = (
            Turn(speaker="assistant", text="one", labels={"acts": ["request"]}),
            Turn(speaker="user", text="two", labels={"acts": "inform"}),
            Turn(speaker="tool", text="three"),
            Turn(speaker="assistant", text="four"),
            Turn(speaker="user", text="five"),
            Turn(speaker="user", text="six", labels={"acts": "thank"}),
        )
        sessions = [Session(id=f"s{i}", turns=turns) for i in range(5)]
        corpus = corpus_of(sessions, Reading(map_of=acts_map_of, read=reader))
        assert asked == ["four"] * 5
        assert corpus.read_turns == 5
        assert (corpus.user_turns, corpus.silent_turns) == (15, 5)
        assert [sorted(s.acts) for s in corpus.talks[0].steps] == [["request"], ["inform"], ["offer"], [], ["thank"]]

    def test_own_acts_can_be_kept(self) -> None:
        own = ActsMap(set="own", label="strategies", as_named=True)
        corpus = corpus_of(plain(6, ["self-need", "other"], label="strategies"), Reading(map_of=lambda _: own))
        assert corpus.acts == ("other", "self-need")

    def test_context(self) -> None:
        user, bot = "user", "assistant"
        steps = [
            Step(party=bot, acts=frozenset({"greet"})),
            Step(party=user, acts=frozenset({"inform"}), tells=frozenset({"area"})),
            Step(party=bot, acts=frozenset({"notify_failure", "request"}), asks=frozenset({"area", "food"})),
        ]
        assert context_of([]) | {"given": ""} == context_of([])
        assert context_of([])["start"] == "yes"
        assert context_of(steps[:1])["heard"] == "greet"
        now = context_of(steps, "loud")
        assert now == {
            "start": "no", "heard": "request", "asked": "untold", "outcome": "refused", "before": "inform",
            "heard_all": "notify_failure+request", "band": "1 to 2", "given": "loud",
        }  # fmt: skip
        told = [*steps[:2], Step(party=bot, acts=frozenset({"request"}), asks=frozenset({"area"}))]
        assert context_of(told)["asked"] == "told"
        again = [*steps, Step(party=user, acts=frozenset({"state_goal"}))]
        assert (context_of(again)["outcome"], context_of(again)["heard"]) == ("open", "none")

    def test_contexts_step_by_step_are_those_of_the_whole_history(self) -> None:
        for talk in known_talks(20, 11):
            places = [i for i, s in enumerate(talk.steps) if s.party == "user" and s.acts]
            assert list(turns_of(talk)) == [(context_of(talk.steps[:i]), talk.steps[i].acts) for i in places]

    def test_a_session_of_5000_turns_is_read_in_one_go(self) -> None:
        step = Step(party="assistant", acts=frozenset({"request"}), asks=frozenset({"a"}))
        answer = Step(party="user", acts=frozenset({"inform"}), tells=frozenset({"a"}))
        long = Talk(session="long", steps=(step, answer) * 2500)
        assert sum(1 for _ in turns_of(long)) == 2500
        assert list(fit_talks([long, *known_talks(5, 0)], ACTS).counts.hazard())[-1] == 2500

    def test_decisive(self) -> None:
        assert decisive({"notify_success", "ask_more"}) == "ask_more"
        assert decisive({"thank", "greet"}) == "greet"
        assert decisive({"zz", "aa"}) == "aa"
        assert decisive(()) == "none"


class TestTables:
    def test_turn_likelihoods_sum_to_one_over_all_sets(self) -> None:
        talks = known_talks(40, 1)
        both = frozenset({"thank", "reject"})
        talks += [Talk(session="two", steps=(*talks[0].steps, Step(party="user", acts=both)))]
        policy = fit_talks(talks, ACTS)
        sets = [s for k in range(1, len(ACTS) + 1) for s in itertools.combinations(ACTS, k)]
        for history in (
            (),
            talks[3].steps[:2],
            (*talks[3].steps, Step(party="assistant", acts=frozenset({"clarify"}))),
        ):
            assert sum(math.exp(policy.log_prob(history, s)) for s in sets) == pytest.approx(1, abs=1e-9)
            assert sum(policy.act_shares(context_of(history)).values()) == pytest.approx(1, abs=1e-9)

    def test_a_given_latent_is_conditioned_on(self) -> None:
        talks = [
            Talk(session=f"{i}", given=g, steps=(Step(party="user", acts=frozenset([a])),))
            for i in range(60)
            for g, a in (("calm", "thank"), ("cross", "complain"))
        ]
        policy = fit_talks(talks, ("complain", "thank"))
        assert policy.log_prob([], ["thank"], given="calm") > -0.1
        assert policy.log_prob([], ["thank"], given="cross") < -2
        assert abs(policy.log_prob([], ["thank"], given="never seen") + math.log(2)) < 0.1

    def test_rows_are_a_policy_in_which_the_last_always_holds(self) -> None:
        rows = fit_talks(known_talks(200, 2), ACTS).to_rows()
        assert rows[-1]["when"] == {}
        assert rows[0]["when"] == {"start": "yes"}
        assert all(sum(r["do"].values()) == pytest.approx(1, abs=1e-9) for r in rows)
        by_heard = {r["when"]["heard"]: r["do"] for r in rows if list(r["when"]) == ["heard"]}
        assert by_heard["offer"]["confirm"] == pytest.approx(0.5, abs=0.1)
        assert by_heard["request"]["inform"] == pytest.approx(0.75, abs=0.1)

    def test_concentrations_pass_over_levels_that_say_nothing(self) -> None:
        flips = np.random.default_rng(0).random(400) < 0.2
        items = [
            Item(context={"a": str(i % 2), "noise": str(i % 7)}, outcome=i % 2 ^ int(f), weight=1.0, group=str(i))
            for i, f in enumerate(flips)
        ]
        table = learn(items, ((), ("a",), ("a", "noise")), lambda _: 0.5)
        assert table.concentrations[2] >= 30
        assert table.concentrations[1] <= 10
        assert table.probability(1, {"a": "1", "noise": "3"}) == pytest.approx(0.8, abs=0.06)

    def test_shares_as_written(self) -> None:
        assert shares_above({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}) == {"a": 0.3334, "b": 0.3333, "c": 0.3333}
        assert shares_above({"a": 0.9999999, "b": 1e-9}) == {"a": 0.9999, "b": 0.0001}
        assert shares_above({"a": 0.2, "b": 0.8}, least=0.5) == {"b": 1.0}
        assert shares_above({"a": 0.4, "b": 0.3}, least=0.9) == {"a": 1.0}

    def test_hazard_and_counts(self) -> None:
        counts = fit_talks(known_talks(100, 3), ACTS).counts
        hazard = counts.hazard()
        assert list(hazard) == list(range(1, max(counts.user_turns) + 1))
        assert all(0 < h < 1 for h in hazard.values())
        assert hazard[1] < 0.01
        assert hazard[max(hazard)] > 0.9
        assert sum(counts.acts.values()) == pytest.approx(sum(counts.acts_per_turn.values()))


class TestHeldOut:
    def test_services_stay_together_and_straddling_sessions_are_not_scored(self) -> None:
        talks = [
            Talk(session=t.session, steps=t.steps, services=frozenset({"abcdef"[i % 6]}))
            for i, t in enumerate(known_talks(60, 4))
        ]
        both = [Talk(session=f"b{i}", steps=t.steps, services=frozenset("ac")) for i, t in enumerate(known_talks(5, 5))]
        found = held_out(Corpus(talks=talks + both))
        assert found.split == "session and service"
        home = service_folds([t.services for t in talks + both])
        assert found.unscored == (5 if home["a"] != home["c"] else 0)
        assert found.sessions + found.unscored == 65
        assert found.turns == sum(s.party == "user" for t in talks + both for s in t.steps) - (
            sum(s.party == "user" for t in both for s in t.steps) if found.unscored else 0
        )

    def test_a_hand_written_policy_is_scored_over_the_acts_that_labels_name(self, tmp_path: Path) -> None:
        from assay.authoring.blueprints import load_blueprint
        from assay.authoring.heldout import hand_policy

        hand = hand_policy(simulated_talks(load_blueprint("returns"), n=60))
        found = held_out(Corpus(talks=known_talks(60, 6)), {"hand-written": hand})
        assert list(found.nats) == ["uniform", "frequencies", "hand-written", "fitted"]
        assert found.nats["uniform"].point == pytest.approx(-math.log(len(ACTS)))
        assert 0 < found.floor["hand-written"] < 1
        assert 0 < found.impossible["hand-written"] < 1
        assert found.gain["hand-written"].low is not None
        assert json.dumps(found.row(), allow_nan=False)

    @pytest.mark.parametrize("slots", [True, False])
    def test_a_hand_written_policy_that_is_the_truth_is_hardly_beaten(self, slots: bool) -> None:
        from assay.authoring.blueprints import load_blueprint
        from assay.authoring.heldout import hand_policy

        returns = load_blueprint("returns")
        people = simulated_talks(returns, n=150, seed=9)
        if not slots:
            people = [replace(t, steps=tuple(replace(s, asks=frozenset()) for s in t.steps)) for t in people]
        corpus = Corpus(talks=people)
        assert corpus.slots_named is slots
        found = held_out(corpus, {"truth": hand_policy(simulated_talks(returns, n=150), corpus.slots_named)})
        assert found.floor["truth"] <= 0.05
        assert found.nats["truth"].point > found.nats["frequencies"].point + 0.8
        assert found.gain["truth"].point < 0.15

    def test_gains_are_differences_of_the_means(self) -> None:
        found = held_out(Corpus(talks=known_talks(60, 7)))
        for name, gain in found.gain.items():
            assert gain.point == pytest.approx(found.nats["fitted"].point - found.nats[name].point, abs=1e-9)


@pytest.mark.skipif(not (DATA / "camrest676.jsonl.gz").is_file(), reason="needs the public sets beside the checkout")
def test_the_shipped_maps_know_every_act_of_their_sets(tmp_path: Path) -> None:
    from assay.importing.sessions import import_sessions

    for name, least in (("camrest676", 600), ("persuasionforgood", 250), ("casino", 300)):
        sessions = list(itertools.islice(import_sessions(DATA / f"{name}.jsonl.gz"), 2000))
        corpus = corpus_of(sessions, Reading(map_of=acts_map_of))
        assert len(corpus.talks) >= least


def test_a_corpus_from_files_reads_several_and_notes_sources(tmp_path: Path) -> None:
    one = sgd_file(tmp_path / "a.jsonl", n=6)
    other = [
        s.model_copy(update={"id": f"o{i}", "licence": None}) for i, s in enumerate(map(sgd_session, known_talks(5, 9)))
    ]
    write_rows(tmp_path / "b.jsonl.gz", other)
    corpus = read_corpus([one, tmp_path / "b.jsonl.gz"])
    assert corpus.sources == {"Schema-Guided Dialogue": 11}
    assert corpus.licences == {"CC-BY-SA-4.0": 6, "not stated": 5}
    assert LEVELS[0] == ()
