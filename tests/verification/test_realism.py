"""Realism: wrong inputs, learners, folds and pairs, what is found in sessions whose difference is known."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from assay.errors import BadAnswers, BadInput, BadSessions, NotEnoughData
from assay.records.session import Session, Turn
from assay.verification.realism.control import act_of, degenerate
from assay.verification.realism.discriminator import discriminate
from assay.verification.realism.diversity import duplicates, names
from assay.verification.realism.ensemble import ensemble
from assay.verification.realism.learners import BoostedTrees, KernelLogistic
from assay.verification.realism.lines import Lines, common_pairs, lines_of, parties, session_texts, turn_texts
from assay.verification.realism.nulls import Text, balanced, equal_sessions, joined, permuted, pool
from assay.verification.realism.pairs import Judgement, judge, key_csv, make_pairs, pairs_csv
from assay.verification.realism.signals import CLASSIFIERS, question, sentiment
from assay.verification.realism.utility import Labelled, Predict, utility

THINGS = ("a train", "the red one", "two seats", "a table", "the blue bag", "my order", "that shop", "a doctor")
SAID = (
    "i need {x} for tomorrow", "could you find {x}?", "what about {x}", "ok, {x} then", "no, {x} is too much",
    "do you have {x} at 5?", "hmm {x} maybe", "great, {x} works for me",
)  # fmt: skip
STIFF = ("I would like to request {x}, please.", "Could you kindly provide {x}?", "Thank you. {x} is acceptable.")


def session(name: str, rng: np.random.Generator, stiff: bool = False, turns: int = 4) -> Session:
    says = STIFF if stiff else SAID
    made: list[Turn] = []
    for _ in range(turns):
        text = says[int(rng.integers(len(says)))].format(x=THINGS[int(rng.integers(len(THINGS)))])
        made += [Turn(speaker="assistant", text="How can I help?"), Turn(speaker="user", text=text)]
    return Session(id=name, turns=tuple(made))


def side(prefix: str, n: int, seed: int, stiff: bool = False) -> list[Session]:
    rng = np.random.default_rng(seed)
    return [session(f"{prefix}{i}", rng, stiff) for i in range(n)]


def lines(sessions: Sequence[Session]) -> list[Lines]:
    return lines_of(sessions, parties(sessions, None))


def write(path: Path, sessions: Sequence[Session]) -> Path:
    rows = [
        {"id": s.id, "turns": [{"speaker": t.speaker, "text": t.text} for t in s.turns]} for s in sessions
    ]  # fmt: skip
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


# --- bad input


def test_too_few_sessions_are_refused() -> None:
    few = turn_texts(lines(side("r", 3, 0)))
    with pytest.raises(NotEnoughData, match="3 independent sessions"):
        discriminate(few, turn_texts(lines(side("s", 9, 1))))
    with pytest.raises(NotEnoughData, match="6 real sessions"):
        ensemble(lines(side("s", 9, 1)), lines(side("r", 6, 0)))


def test_a_speaker_that_nobody_is_and_sessions_without_people() -> None:
    made = side("r", 4, 0)
    with pytest.raises(BadSessions, match="nobody called 'bob' speaks"):
        parties(made, "bob")
    silent = [Session(id="a", turns=(Turn(speaker="assistant", text="Hello"), Turn(speaker="user", text=" ")))]
    with pytest.raises(BadSessions, match="nobody speaks in the user's place"):
        parties(silent, None)


def test_answers_that_do_not_fit_the_pairs() -> None:
    with pytest.raises(NotEnoughData):
        judge([], {})
    with pytest.raises(BadAnswers, match="no pair 'p9'"):
        judge([Judgement("p9", "ann", "first")], {"p1": "first"})
    twice = [Judgement("p1", "ann", "first"), Judgement("p1", "ann", "second")]
    with pytest.raises(BadAnswers, match="answered a pair twice"):
        judge(twice, {"p1": "first"})


def test_the_verb_refuses_what_is_not_there(tmp_path: Path) -> None:
    from assay import realism

    real = write(tmp_path / "real.jsonl", side("r", 8, 0))
    with pytest.raises(BadInput, match="no such file or folder"):
        realism(tmp_path / "nothing.jsonl", real)
    with pytest.raises(BadInput, match="3 permutations"):
        realism(real, real, permutations=3)
    with pytest.raises(NotEnoughData):
        realism(write(tmp_path / "few.jsonl", side("s", 2, 0)), real)


def test_utility_needs_seeds_sessions_and_no_leak() -> None:
    turns = [Labelled("hello there", "greet", f"t{i}") for i in range(12)] + [Labelled("bye", "bye", "t0")]
    with pytest.raises(NotEnoughData, match="2 seeds"):
        utility(turns, turns, turns, seeds=(0, 1))
    with pytest.raises(ValueError, match="also real training sessions"):
        utility(turns, turns, turns)
    with pytest.raises(NotEnoughData, match="1 test sessions"):
        utility(turns, turns, turns[:1])


# --- who hangs together


def test_items_that_share_a_key_are_one() -> None:
    assert joined([["a"], ["b", "c"], ["c"], ["d", "a"]]).tolist() == [0, 1, 1, 0]


def paired_texts(n: int) -> tuple[list[Text], list[Text]]:
    real = [Text(f"real {i}", f"x{i // 3}", pair=str(i)) for i in range(n)]
    return real, [t._replace(text="made") for t in real]


def test_pairs_are_swapped_whole_sessions_at_a_time() -> None:
    made = pool(*paired_texts(18))
    assert made.paired
    labels = permuted(made, 50, np.random.default_rng(0))
    assert (labels[:18] ^ labels[18:]).all(), "a pair always has one of each class"
    for unit in range(6):
        rows = np.flatnonzero((made.unit == unit) & ~made.simulated)
        assert (labels[rows] == labels[rows[0]]).all()
    assert 0.3 < labels[:18].mean() < 0.7
    assert (made.fold_unit[:18] == made.fold_unit[18:]).all()


def test_a_pair_id_without_its_counterpart_means_unpaired() -> None:
    real, made = paired_texts(18)
    assert not pool(real, [*made[:-1], made[-1]._replace(pair="")]).paired


def test_unpaired_labels_move_by_session_and_numbers_are_made_equal() -> None:
    rng = np.random.default_rng(0)
    made = pool([Text("a", f"r{i // 4}") for i in range(40)], [Text("b", f"s{i // 2}") for i in range(20)])
    labels = permuted(made, 30, rng)
    for unit in range(20):
        assert (labels[made.unit == unit] == labels[made.unit == unit][0]).all()
    kept = balanced(labels, rng)
    assert ((labels & kept).sum(axis=0) == (~labels & kept).sum(axis=0)).all()
    assert ((labels & kept).sum(axis=0) == np.minimum(labels.sum(axis=0), (~labels).sum(axis=0))).all()


def test_as_many_sessions_of_either_class_and_groups_in_one_fold_unit() -> None:
    rng = np.random.default_rng(0)
    real = [Text("a", f"r{i // 4}", group=f"g{i // 8}") for i in range(80)]
    one, two = equal_sessions(real, [Text("b", f"s{i}") for i in range(6)], 1000, rng)
    assert len({t.session for t in one}) == len({t.session for t in two}) == 6
    made = pool(real, [Text("b", f"s{i}") for i in range(6)])
    assert len(set(made.fold_unit[:80].tolist())) == 10
    assert len(set(made.unit[:80].tolist())) == 20
    drawn, others = equal_sessions(real, [Text("b", f"s{i // 4}") for i in range(80)], 30, rng)
    assert max(len(drawn), len(others)) <= 45


# --- learners


def test_logistic_regression_ranks_as_scikit_learn_does() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5)) / 3
    y = rng.random(300) < 1 / (1 + np.exp(-4 * x[:, 0]))
    train, test = np.arange(200), np.arange(200, 300)
    labels = np.stack([y, rng.permutation(y)], axis=1)
    ours = KernelLogistic((x @ x.T).astype(np.float32), ridge=0.1, steps=200).scores(
        train, test, labels, np.ones_like(labels)
    )
    for j in range(2):
        theirs = LogisticRegression(C=10.0).fit(x[train], labels[train, j]).decision_function(x[test])
        assert np.corrcoef(ours[:, j], theirs)[0, 1] > 0.999


def test_rows_that_do_not_count_change_nothing() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 3)).astype(np.float32)
    labels = (x[:, :1] > 0).copy()
    kept = np.ones_like(labels)
    kept[:20] = False
    for learner in (KernelLogistic(x @ x.T, steps=100), BoostedTrees(x)):
        wrong = labels.copy()
        wrong[:20] = ~wrong[:20]
        rows = np.arange(100), np.arange(100, 120)
        assert np.allclose(learner.scores(*rows, labels, kept), learner.scores(*rows, wrong, kept), atol=1e-4)


def test_trees_find_what_is_no_straight_line() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 4))
    y = np.abs(x[:, :1]) > 0.7
    found = BoostedTrees(x).scores(np.arange(300), np.arange(300, 400), y, np.ones_like(y))
    assert roc_auc_score(y[300:, 0], found[:, 0]) > 0.95


# --- what is found


def test_templates_are_told_apart_and_one_source_is_not() -> None:
    real, same = turn_texts(lines(side("r", 40, 0))), turn_texts(lines(side("s", 20, 1)))
    found = discriminate(real, same, permutations=39, seeds=2)
    assert found.auc is not None
    assert found.auc < 0.65
    assert found.p > 0.05
    assert found.positive_control is not None
    assert found.positive_control >= 0.9
    told = discriminate(real, turn_texts(lines(side("s", 20, 1, stiff=True))), permutations=39, seeds=2)
    assert told.auc is not None
    assert told.auc > 0.95
    assert told.p == pytest.approx(1 / 40)
    assert told.ci is not None
    assert told.ci[0] > 0.9


def test_the_same_seed_gives_the_same_numbers() -> None:
    real, made = (turn_texts(lines(side(p, 8, i))) for i, p in enumerate("rs"))
    one, two = (discriminate(real, made, permutations=19, seeds=1, seed=5) for _ in range(2))
    assert one == two


def test_a_discriminator_too_weak_for_its_control_prints_no_area() -> None:
    real, same = turn_texts(lines(side("r", 16, 0))), turn_texts(lines(side("s", 8, 1)))
    found = discriminate(real, same, control=turn_texts(lines(side("c", 8, 2))), permutations=19, seeds=1)
    assert found.auc is None
    assert found.ci is None
    assert found.reason is not None
    assert "too weak" in found.reason


def test_paired_regenerations_of_other_style_are_told_apart_by_session_too() -> None:
    real, made = side("x", 12, 0), side("x", 12, 0, stiff=True)
    a, b = lines(real), lines(made)
    pairs = common_pairs(a, b)
    assert pairs == {s.id for s in real}
    found = discriminate(session_texts(a, pairs), session_texts(b, pairs), permutations=39, seeds=1, control=())
    assert found.paired
    assert found.units == 12
    assert found.positive_control is None
    assert found.auc == 1.0


def test_distributions_differ_where_they_do() -> None:
    real = lines(side("r", 120, 0))
    same, stiff = ensemble(lines(side("s", 60, 1)), real), ensemble(lines(side("s", 60, 1, stiff=True)), real)
    assert [n for n, d in same.items() if d.says == "different"] == []
    assert sum(d.says == "alike" for d in same.values()) >= 5
    assert {"politeness", "casing", "opening"} <= {n for n, d in stiff.items() if d.says == "different"}
    for d in (*same.values(), *stiff.values()):
        assert 0 <= d.js <= d.tv + 1e-9
        assert d.p >= d.p_raw
        assert sum(d.real.values()) == pytest.approx(1)


def test_labels_of_the_reference_are_read_out_of_fold() -> None:
    rng = np.random.default_rng(0)

    def labelled(prefix: str, n: int, asks: float) -> list[Session]:
        out = []
        for i in range(n):
            kinds = rng.random(5) < asks
            turns = [
                Turn(speaker="user", text=f"where is {THINGS[i % 8]}" if k else f"give me {THINGS[i % 8]}",
                     labels={"act": "ask" if k else "order"}) for k in kinds
            ]  # fmt: skip
            out.append(Session(id=f"{prefix}{i}", turns=tuple(turns)))
        return out

    real = lines(labelled("r", 60, 0.5))
    found = ensemble(lines(labelled("s", 30, 0.1)), real)["act"]
    assert "read out of fold with accuracy 1.00" in found.source
    assert found.simulated["ask"] < 0.2 < found.real["ask"]
    assert found.says == "different"


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Where is it?", "wh"), ("it is here", "none"), ("is it here?", "yes or no"), ("this one?", "other"),
     ("What? Why?", "several"), ("do you have it", "no mark, asks"), ("", "none")],
)  # fmt: skip
def test_questions(text: str, kind: str) -> None:
    assert question(text) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [("That is great", "positive"), ("not great", "negative"), ("no problem", "positive"), ("the table", "neutral"),
     ("great food but terrible service", "mixed")],
)  # fmt: skip
def test_sentiment(text: str, kind: str) -> None:
    assert sentiment(text) == kind


@pytest.mark.parametrize("text", ["", " ", "\x00", "???", "日本語です", "a" * 5000, "\u2019", "👍"])
def test_every_reading_takes_every_text(text: str) -> None:
    assert all(isinstance(says(text), str) for says in CLASSIFIERS.values())
    assert act_of(text)
    assert degenerate([Text(text, "s")], np.random.default_rng(0))[0].text


def test_duplicates_and_names() -> None:
    rng = np.random.default_rng(0)
    own = lines(
        [Session(id=str(i), turns=(Turn(speaker="user", text="Hi, my name is Sarah and I need help."),))
         for i in range(12)]
    )  # fmt: skip
    assert duplicates(own, rng) == 1.0
    assert duplicates(lines([Session(id="a", turns=(Turn(speaker="user", text="yes"),))]), rng) is None
    found = names(own)
    assert (found["most_common"], found["share"], found["collapsed"]) == ("Sarah", 1.0, True)
    assert names(lines(side("r", 4, 0)))["sessions_with_a_name"] == 0


def test_pairs_are_blind_and_answers_are_counted() -> None:
    real, made = ([Text(f"{p} {i}", f"{p}{i}") for i in range(40)] for p in ("real", "made"))
    drawn = make_pairs(real, made, 30, np.random.default_rng(0))
    assert len(drawn) == 30
    assert {p.simulated_is for p in drawn} == {"first", "second"}
    for p in drawn:
        assert (p.first if p.simulated_is == "first" else p.second).startswith("made")
    assert "simulated" not in pairs_csv(drawn).replace("made", "")
    assert len(key_csv(drawn).splitlines()) == 31
    key = {p.pair_id: p.simulated_is for p in drawn}
    right = judge([Judgement(p.pair_id, "ann", p.simulated_is) for p in drawn], key)
    assert right.share == 1.0
    assert right.p is not None
    assert right.p < 1e-6
    several = judge([Judgement(p.pair_id, r, "first") for p in drawn[:5] for r in ("ann", "bob")], key)
    assert several.p is None
    assert several.ci is None, "two raters carry no interval"


def test_utility_of_good_bad_and_equal_turns() -> None:
    rng = np.random.default_rng(0)

    def turns(prefix: str, n: int, wrong: float) -> list[Labelled]:
        out = []
        for i in range(n):
            for _ in range(3):
                label = str(rng.choice(["ask", "tell"], p=[0.4, 0.6]))
                shown = label if rng.random() >= wrong else {"ask": "tell", "tell": "ask"}[label]
                out.append(Labelled(f"{shown} something", label, f"{prefix}{i}"))
        return out

    def fit(texts: Sequence[str], labels: Sequence[str], seed: int) -> Predict:
        best = {w: max(sorted(set(labels)), key=[b for t, b in zip(texts, labels, strict=True) if w in t].count)
                for w in ("ask", "tell")}  # fmt: skip
        return lambda others: [best["ask" if "ask" in t else "tell"] for t in others]

    test, train = turns("t", 40, 0.0), turns("r", 40, 0.0)
    good = utility(turns("s", 40, 0.0), train, test, fit=fit)
    assert good.accuracy.ratio == pytest.approx(1.0)
    assert good.macro_f1.gap_closed == pytest.approx(1.0)
    bad = utility(turns("s", 40, 0.9), train, test, fit=fit)
    assert bad.accuracy.gap_closed is not None
    assert bad.accuracy.gap_closed < 0
    assert bad.n_train == 120
    assert bad.macro_f1.ratio_ci is not None
    none = utility(train, turns("q", 40, 0.9), test, fit=fit)
    assert none.accuracy.gap_closed is None, "real turns that teach nothing leave no gap to close"


def test_the_default_classifier_of_utility_learns() -> None:
    train = [Labelled(f"where is {t}?", "ask", f"a{i}") for i, t in enumerate(THINGS)]
    train += [Labelled(f"i want {t}", "tell", f"b{i}") for i, t in enumerate(THINGS)]
    test = [t._replace(session=f"t{t.session}") for t in train]
    assert utility(train, train, test).macro_f1.simulated == 1.0


# --- the whole way


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    from assay import realism

    folder = tmp_path_factory.mktemp("realism")
    stiff = side("s", 10, 1, stiff=True)
    stiff[0] = Session(id="s0", turns=(Turn(speaker="user", text="<script>alert(1)</script> I would like to"),))
    simulated, real = write(folder / "s.jsonl", stiff), write(folder / "r.jsonl", side("r", 20, 0))
    return folder, realism(simulated, real, out=folder / "out", permutations=39, pairs=5)


def test_the_summary_has_the_fields_of_the_interface(compared: tuple[Path, dict[str, Any]]) -> None:
    _, found = compared
    for unit in ("turn", "session"):
        assert {"auc", "ci", "p", "null_auc", "positive_control"} <= found["RL01"][unit].keys()
        assert {"length_only", "format_only"} == found["RL01"]["baselines"][unit].keys()
    assert all({"js", "tv", "p", "tv_upper", "real_95"} <= d.keys() for d in found["RL02"].values())
    assert {"entropy_ratio", "duplicate_turns", "names"} <= found["RL04"].keys()
    assert found["RL06"]["thanks"]["difference"] > 0
    assert (found["n_simulated"], found["n_real"]) == (10, 20)
    json.dumps(found, allow_nan=False)


def test_the_verdict_speaks_of_a_classifier_and_shows_cues_with_examples(
    compared: tuple[Path, dict[str, Any]],
) -> None:
    _, found = compared
    assert "a text classifier picks out the simulated one" in found["verdict"]
    assert "only people can say" in found["verdict"], "a classifier is no person"
    words = [c for c in found["cues"] if c["kind"] == "words" and c["more_in"] == "simulated"]
    assert words
    assert all(c["example"] for c in words)


def test_the_page_and_the_pairs_are_written_and_nothing_runs_in_it(compared: tuple[Path, dict[str, Any]]) -> None:
    folder, found = compared
    page = (folder / "out" / "realism.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "default-src &#39;none&#39;" in page
    assert found["verdict"].split(".")[0] in page.replace("&#39;", "'")
    assert len((folder / "out" / "pairs.csv").read_text(encoding="utf-8").splitlines()) >= 6
    stored = json.loads((folder / "out" / "realism.json").read_text(encoding="utf-8"))
    assert stored["RL01"] == found["RL01"]


def test_the_command_prints_one_object_and_exit_codes(
    compared: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    from assay.cli.root import run

    folder, found = compared
    done = run(["realism", str(folder / "s.jsonl"), str(folder / "r.jsonl"), "--json", "-q", "--permutations", "39"])
    assert done == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["RL01"] == found["RL01"]
    assert run(["realism", str(folder / "s.jsonl"), str(folder / "nothing.jsonl"), "-q"]) == 2
    assert "no such file" in capsys.readouterr().err
