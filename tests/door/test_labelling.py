"""assay label: bad input first, then votes to labels, learning from tune answers only, and going on after a stop."""

import csv
import json

import numpy as np
import pytest

import assay
from assay.aggregation.self_agreement import self_agreement
from assay.cli.root import run
from assay.door.labelling import heard
from assay.errors import BadAnswers, BadInput, RunMismatch
from assay.records.label import label_id
from assay.records.label_schema import parse_schema
from assay.records.storage import read
from assay.verification.annotators.naming import Line, Reading
from assay.verification.annotators.trained import read_out_of_fold

WORDS = {"greet": "hello there", "thank": "thanks a lot", "bye": "goodbye now"}
SCHEMA = "labels: {act: {values: {greet: says hello, thank: says thanks, bye: says goodbye}}}"
SETS = "labels: {act: {kind: set, values: [greet, thank, bye]}}"


def write(path, sessions=30, **more):
    """Sessions of three user turns each, whose words give the act away."""
    with path.open("w") as out:
        for s in range(sessions):
            turns = [{"speaker": "user", "text": f"{WORDS[a]} {s}"} for a in WORDS]
            out.write(json.dumps({"id": f"s{s:03d}", "turns": turns, **more}) + "\n")
    return path


def truth_of(turn):
    return tuple(WORDS)[turn]


def by_words(asked):
    """An annotator: the value whose words stand in the text."""
    return next((a for a, words in WORDS.items() if words in asked["text"]), None)


def unsure(asked):
    return {"greet": 0.5, "thank": 0.3, "bye": 0.2}


def always_greet(asked):
    return "greet"


def shouts(asked):
    return "shout"


def beyond(asked):
    return {"greet": 1.4, "thank": -0.4}


def not_a_number(asked):
    return {"greet": float("nan"), "thank": 0.5, "bye": 0.5}


def half(asked):
    return {"greet": 0.25, "thank": 0.25}


def fails(asked):
    raise RuntimeError("out of coffee")


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(__file__).rsplit("/", 1)[0])
    (tmp_path / "schema.yaml").write_text(SCHEMA)
    (tmp_path / "sets.yaml").write_text(SETS)
    write(tmp_path / "s.jsonl")
    return tmp_path


def label(world, out="r", schema="schema.yaml", annotators=("python:test_labelling:by_words",), **more):
    return assay.label(world / "s.jsonl", world / schema, world / out, annotators=annotators, **more)


def votes_file(world, rows, name="votes.csv", head="session,turn,name,annotator,label"):
    (world / name).write_text("\n".join([head, *rows]) + "\n")
    return f"votes:{world / name}"


# Bad input


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("labels: {}", "names no label"),
        ("- a", "names no label"),
        ("labels: {act: [a, b]}", "not a label"),
        ("labels: {act: {values: {}}}", "0 values"),
        ("labels: {act: {values: [one]}}", "1 values"),
        ("labels: {act: {values: [a, b], kind: number}}", "kind"),
        ("labels: {act: {values: [a, b], examples: {c: x}}}", "not listed"),
        ("labels: {act: {values: [a, b], colour: red}}", "colour"),
        ("labels: {act: {values: [a, ' ']}}", "blank"),
        ("labels: {act: [unclosed", "cannot read"),
    ],
)
def test_a_schema_that_is_not_one(world, text, says):
    (world / "schema.yaml").write_text(text)
    with pytest.raises(BadInput, match=says):
        label(world)
    assert not (world / "r").exists()


@pytest.mark.parametrize(
    ("annotator", "says"),
    [
        ("oracle", "no annotator"),
        ("votes:", "no annotator"),
        ("votes:/no/such.csv", "no such file"),
        ("trained:/no/such.jsonl", "no such file"),
        ("python:no_such_module:f", "cannot import"),
        ("python:test_labelling:shouts", "not a value of act"),
        ("python:test_labelling:beyond", "a probability of"),
        ("python:test_labelling:not_a_number", "a probability of nan"),
        ("python:test_labelling:half", "sum to 0.5"),
        ("python:test_labelling:fails", "out of coffee"),
    ],
)
def test_annotators_that_are_none(world, annotator, says):
    with pytest.raises(BadInput, match=says):
        label(world, annotators=[annotator])


@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        (["s000,0,act,ann,hug"], BadInput, "unknown label 'hug'"),
        (["s999,0,act,ann,greet"], BadInput, "nothing that was asked for"),
        (["s000,7,act,ann,greet"], BadInput, "nothing that was asked for"),
        (["s000,x,act,ann,greet"], BadInput, "no number"),
        (["s000,0,act,,greet"], BadInput, "without an annotator"),
        (["s000,0,act,ann,greet", "s000,0,act,ann,bye"], BadAnswers, "named two values"),
        ([], BadInput, "no rows"),
    ],
)
def test_votes_that_do_not_fit(world, rows, error, says):
    with pytest.raises(error, match=says):
        label(world, annotators=[votes_file(world, rows)])


def test_votes_without_the_columns(world):
    with pytest.raises(BadInput, match="no column annotator"):
        label(world, annotators=[votes_file(world, ["a,b"], head="item,label")])


def test_the_same_annotator_twice_and_labels_that_are_there(world):
    with pytest.raises(BadInput, match="named twice"):
        label(world, annotators=["nearest", "nearest"])
    with pytest.raises(BadInput, match="draws"):
        label(world, draws=0)
    write(world / "s.jsonl", session_labels={"act": "greet"})
    with pytest.raises(BadInput, match="already"):
        label(world)


def test_nobody_to_ask_and_nothing_to_label(world):
    (world / "schema.yaml").write_text("labels: {act: {of: robot, values: [a, b]}}")
    with pytest.raises(BadInput, match="nothing to label"):
        label(world)


def test_gold_that_does_not_fit(world):
    for rows, says in ((["s000,0,act,hug"], "unknown label"), (["s000,0,act,greet", "s000,0,act,bye"], "two golds")):
        (world / "gold.csv").write_text("\n".join(["session,turn,name,label", *rows]))
        with pytest.raises(BadInput, match=says):
            label(world, gold=world / "gold.csv")


def test_learning_needs_an_answered_tune_sample(world):
    label(world)
    with pytest.raises(BadInput, match="no answered sample"):
        label(world, "r2", learn_from=world / "r")
    with pytest.raises(BadInput, match="is the folder that is written"):
        label(world, learn_from=world / "r")
    assay.sample(world / "r", 20, world / "sample.csv")
    answer(world / "sample.csv", world / "r" / "answers.csv")
    with pytest.raises(BadInput, match="no answered `tune` label"):
        label(world, "r2", learn_from=world / "r")


def test_another_configuration_in_the_same_folder(world):
    label(world)
    with pytest.raises(RunMismatch, match="seed"):
        label(world, seed=2)


# answers that belong elsewhere


def answer(sample, out, say=lambda row: truth_of(int(row["turn"]))):
    with sample.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    with out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("sample_id", "assessor", "answer", "seconds"))
        writer.writerows((r["sample_id"], "ann", say(r), "2") for r in rows)
    return rows


def test_answers_of_another_folder_twice_or_to_what_was_not_sampled(world):
    label(world)
    label(world, "r2", seed=5)
    for folder in ("r", "r2"):
        assay.sample(world / folder, 60, world / f"{folder}.csv")
        answer(world / f"{folder}.csv", world / f"{folder}-answers.csv")
    with pytest.raises(BadAnswers, match="not in the sample"):
        assay.certify(world / "r", answers=world / "r2-answers.csv")
    text = (world / "r-answers.csv").read_text()
    first = text.splitlines()[1].split(",")
    (world / "twice.csv").write_text(text + f"{first[0]},ann,somethingelse,1\n")
    with pytest.raises(BadAnswers, match="twice"):
        assay.certify(world / "r", answers=world / "twice.csv")


# what comes out


def test_votes_become_labels_that_answers_certify(world):
    made = label(world)
    labels = list(read(world / "r", "labels"))
    assert len(labels) == made["labels"] == 90
    assert all(x.value == truth_of(x.turn) and x.source == "consensus" for x in labels)
    assert all(x.tier == "suspect" and x.reasons == ("votes_made_it",) and x.trust is None for x in labels)
    assert labels[0].id == label_id("s000", 0, "act")
    rows = assay.sample(world / "r", 50, world / "sample.csv")
    assert rows["certify"] == 50
    asked = answer(world / "sample.csv", world / "answers.csv")
    assert {"greet", "thank", "bye"} <= set(asked[0]["options"].split(" | "))
    assert "says hello" in asked[0]["question"]
    certificate = assay.certify(world / "r", answers=world / "answers.csv")
    assert certificate.status == "granted"
    assert {x.tier for x in read(world / "r", "labels")} == {"certified"}
    # the certificate stays when the same command is run again
    label(world)
    assert {x.tier for x in read(world / "r", "labels")} == {"certified"}


def test_the_same_command_again_reads_nothing_anew_and_writes_the_same_bytes(world, monkeypatch):
    label(world)
    before = (world / "r" / "labels.jsonl").read_bytes()
    import test_labelling

    monkeypatch.setattr(test_labelling, "by_words", fails)
    label(world)
    assert (world / "r" / "labels.jsonl").read_bytes() == before


def test_sets_distributions_and_what_a_lone_vote_is_worth(world):
    label(world, schema="sets.yaml", annotators=["python:test_labelling:by_words", "python:test_labelling:unsure"])
    labels = list(read(world / "r", "labels"))
    assert all(x.kind == "set" and x.value for x in labels)
    assert all(0 <= p <= 1 for x in labels for p in x.distribution.values())


def test_ranks_put_what_annotators_agree_on_first(world):
    kinds = ["python:test_labelling:by_words", "python:test_labelling:always_greet"]
    label(world, annotators=kinds)
    ranks = {t: [x.rank_score for x in read(world / "r", "labels") if x.turn == t] for t in (0, 1)}
    assert min(ranks[0]) > max(ranks[1])


def test_tune_answers_are_learnt_from_and_only_they(world):
    """An annotator that never says bye; people's tune answers teach it, and are what they said themselves."""
    label(world, annotators=["python:test_labelling:always_greet"])
    assay.sample(world / "r", 10, world / "sample.csv", tune=60)
    answer(world / "sample.csv", world / "r" / "answers.csv")
    made = label(world, "r2", annotators=["python:test_labelling:always_greet"], learn_from=world / "r")
    assert made["annotators"]["act"]["learnt_on"] == 60
    labels = list(read(world / "r2", "labels"))
    assert sum(x.source == "human" for x in labels) == 60
    right = [x.value == truth_of(x.turn) for x in labels if x.source != "human"]
    assert np.mean(right) > 0.9


def test_own_gold_never_reaches_its_own_reading():
    """Changing the gold of one session changes no reading of that session."""
    (x,) = parse_schema({"labels": {"act": {"values": list(WORDS)}}})
    lines = [Line(f"{WORDS[a]} {s}", "") for s in range(20) for a in WORDS]
    groups = [f"s{s}" for s in range(20) for _ in WORDS]
    gold = {i: frozenset((truth_of(i % 3),)) for i in range(60)}
    first = read_out_of_fold(x, lines, groups, gold, "g", None, np.random.default_rng(1)).p
    changed = {**gold, 0: frozenset(("bye",)), 1: frozenset(("bye",))}
    second = read_out_of_fold(x, lines, groups, changed, "g", None, np.random.default_rng(1)).p
    assert (first[:3] == second[:3]).all()
    assert (first != second).any()


# gate


def test_gate(world, capsys):
    from assay.errors import Refused

    label(world)
    for bad in (0.0, 1.0, -1):
        with pytest.raises(BadInput, match="max-error"):
            assay.gate(world / "r", bad)
    with pytest.raises(Refused, match="nobody has answered"):
        assay.gate(world / "r", 0.05)
    assay.sample(world / "r", 60, world / "sample.csv")
    answer(world / "sample.csv", world / "answers.csv")
    assay.certify(world / "r", answers=world / "answers.csv")
    assert assay.gate(world / "r", 0.05, names=["act"], least_share=1.0)["passed"]
    assert run(["gate", str(world / "r"), "--max-error", "0.05", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["by_name"]["act"]["certified"] == 1.0
    assert run(["gate", str(world / "r"), "--max-error", "0.01"]) == 1
    with pytest.raises(Refused, match=r"certified to 0\.05 only"):
        assay.gate(world / "r", 0.01)
    with pytest.raises(BadInput, match="no label is called"):
        assay.gate(world / "r", 0.05, names=["mood"])


def test_gate_names_what_is_missing(world):
    from assay.errors import Refused

    label(world, annotators=["python:test_labelling:always_greet"])
    assay.sample(world / "r", 60, world / "sample.csv")
    answer(world / "sample.csv", world / "answers.csv")
    certificate = assay.certify(world / "r", answers=world / "answers.csv")
    assert certificate.status == "refused"
    assert "Cheapest way on: better labels of act" in certificate.claims[0].reason
    with pytest.raises(Refused, match="act: no granted claim"):
        assay.gate(world / "r", 0.05)


# a language model as an annotator


def judge_of_greetings(prompts):
    """Chooses the option whose words say hello, whatever its letter; by a little, so that no share reaches a half."""
    out = []
    for p in prompts:
        at = next((i for i, words in enumerate(p.options) if "hello" in words), 0)
        out.append({"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i]: -1.0 - (i != at) * 0.1 for i in range(len(p.options))})
    return out


@pytest.mark.parametrize(("kind", "extra"), [("category", 0), ("set", 0), ("category", 30)])
def test_options_are_reordered_blind_and_many_values_are_asked_in_two_rounds(kind, extra):
    from assay.records.label_schema import targets_of
    from assay.records.session import Session, Turn
    from assay.verification.annotators.naming import votes
    from assay.verification.annotators.options import first_prompts, read_options

    values = {"greet": "says hello", "thank": "says thanks"} | {f"v{i}": f"value {i}" for i in range(extra)}
    (x,) = parse_schema({"labels": {"act": {"kind": kind, "values": values}}})
    sessions = {"s": Session(id="s", turns=(Turn(speaker="user", text="hi"), Turn(speaker="user", text="ok")))}
    targets, _ = targets_of(x, sessions)
    prompts = first_prompts(x, targets, sessions, [0], 3, 1)
    assert len({p.options for p in prompts}) == (len(prompts) if extra else 2)
    read = read_options(x, targets, sessions, judge_of_greetings, chosen=[0], draws=3, seed=1, name="lm")
    assert votes(read, x) == [(0, "greet")] * 3
    assert np.isnan(read.p[1]).all()


def test_who_names_another_value_whenever_asked_again_is_not_heard_beside_others():
    rng = np.random.default_rng(0)
    blind = tuple(np.eye(3)[rng.integers(3, size=60)] for _ in range(2))
    truth = np.eye(3)[rng.integers(3, size=60)]
    by_place = Reading(annotator="lm", p=(blind[0] + blind[1]) / 2, draws=blind)
    reads = Reading(annotator="words", p=truth)
    steady = Reading(annotator="steady", p=truth, draws=(truth, truth))
    held = [by_place, reads, steady]
    agree = {r.annotator: self_agreement(r.draws, rng) for r in held}
    assert [r.annotator for r in heard(held, agree)] == ["words", "steady"]
    # with nobody else left something must be said
    assert heard([by_place], agree) == [by_place]
