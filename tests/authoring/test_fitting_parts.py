"""What `assay init --from` writes: valid, the same bytes each time, and without a word of the sessions."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from fitting_sessions import known_talks, sgd_file

from assay.authoring.blueprints import find_blueprint, load_blueprint, parse_blueprint
from assay.authoring.fitting import items_of
from assay.authoring.parts import blueprint_text
from assay.authoring.reweighting import core_shares, proportional, reweighted
from assay.authoring.steps import Step, Talk
from assay.cli.root import run
from assay.door.fitting import init, simulated_talks
from assay.door.linting import lint
from assay.records.blueprint import Blueprint
from assay.records.core_acts import CORE_ACTS, USER_CORE_ACTS
from assay.testing import tiny_run

CANARY = "zebra-4711-quartz"


def rejects_after_offers(talks: list[Talk]) -> float:
    """Share of reject among confirm and reject after an offer."""
    seen = [i.outcome for i in items_of(talks)[0] if i.context["heard"] == "offer"]
    return seen.count("reject") / (seen.count("reject") + seen.count("confirm"))


def with_rows(blueprint: Blueprint, rejecting: float) -> Blueprint:
    """The blueprint with another share of declining in all rows that answer an offer."""
    rows = [
        row.model_copy(update={"do": {"accept": 1 - rejecting, "decline": rejecting}})
        if set(row.do) == {"accept", "decline"} and "offer_refund" in row.when.get("heard", ())
        else row
        for row in blueprint.policy
    ]
    return blueprint.model_copy(update={"policy": tuple(rows)})


@pytest.fixture(scope="module")
def returns() -> Blueprint:
    return load_blueprint("returns")


@pytest.fixture(scope="module")
def people(returns: Blueprint) -> list[Talk]:
    """People who decline half of all offers."""
    return simulated_talks(with_rows(returns, 0.5), n=250, seed=3)


class TestReweighted:
    def test_the_simulated_users_come_to_do_as_people_do(self, returns: Blueprint, people: list[Talk]) -> None:
        fitted, _ = reweighted(returns, people, USER_CORE_ACTS)
        before, after = (rejects_after_offers(simulated_talks(b, n=250, seed=4)) for b in (returns, fitted))
        want = rejects_after_offers(people)
        assert before < want - 0.1
        assert abs(after - want) < 0.1

    def test_what_tells_rows_apart_stays(self, returns: Blueprint, people: list[Talk]) -> None:
        fitted, _ = reweighted(returns, people, USER_CORE_ACTS)
        number, general = [
            i for i, r in enumerate(returns.policy)
            if set(r.do) == {"accept", "decline"} and "offer_refund" in r.when.get("heard", ())
        ]  # fmt: skip

        def odds(book: Blueprint, row: int) -> float:
            return book.policy[row].do["decline"] / book.policy[row].do["accept"]

        ratio = odds(returns, number) / odds(returns, general)
        assert odds(fitted, number) / odds(fitted, general) == pytest.approx(ratio, rel=0.01)
        assert odds(fitted, general) > odds(returns, general)

    def test_common_factors_reach_the_target_and_keep_odds_ratios(self) -> None:
        old = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.98, 0.01, 0.01]])
        weight, target = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.5, 0.3])
        new = proportional(old, weight, target)
        assert weight @ new == pytest.approx(target, abs=1e-8)
        ratio = (new / old) / (new / old)[:, :1]
        assert ratio == pytest.approx(np.tile(ratio[0], (3, 1)), rel=1e-6)

    def test_acts_that_labels_cannot_name_keep_their_mass(self, returns: Blueprint, people: list[Talk]) -> None:
        named = [a for a in USER_CORE_ACTS if a not in ("withhold", "complain")]
        fitted, changes = reweighted(returns, people, named)
        for old, new in zip(returns.policy, fitted.policy, strict=True):
            for core in ("withhold", "complain"):
                was, now = (core_shares(returns, r.do).get(core, 0.0) for r in (old, new))
                assert now == pytest.approx(was, abs=2e-4)
        assert any(c.left.startswith("the labels name fewer than two") for c in changes)

    def test_little_evidence_moves_little(self, returns: Blueprint, people: list[Talk]) -> None:
        few, many = (max(c.moved for c in reweighted(returns, people[:n], USER_CORE_ACTS)[1]) for n in (5, 250))
        assert few < many
        none = [Talk(session="x", steps=(Step(party="user", acts=frozenset({"greet"})),))]
        fitted, changes = reweighted(returns, none, ("greet", "state_goal"))
        assert max(c.moved for c in changes) < 0.06
        assert fitted.policy[-1] == returns.policy[-1]

    def test_fine_acts_share_a_core_act_in_their_old_proportions(self, returns: Blueprint, people: list[Talk]) -> None:
        fitted, _ = reweighted(returns, people, USER_CORE_ACTS)
        for old, new in zip(returns.policy, fitted.policy, strict=True):
            if {"open_goal", "open_with_item"} <= set(old.do):
                want = old.do["open_goal"] / old.do["open_with_item"]
                assert new.do["open_goal"] / new.do["open_with_item"] == pytest.approx(want, rel=0.02)
                break
        else:
            pytest.fail("no row with two acts of one core act")

    def test_every_row_is_accounted_for(self, returns: Blueprint, people: list[Talk]) -> None:
        fitted, changes = reweighted(returns, people, USER_CORE_ACTS)
        assert [c.row for c in changes] == list(range(len(returns.policy)))
        for change, row in zip(changes, fitted.policy, strict=True):
            assert dict(row.do) == change.after
            assert bool(change.left) == (change.after == change.before) or change.moved == 0
            assert all(p > 0 for p in change.after.values())


class TestText:
    def test_only_shares_change_and_comments_stay(self, returns: Blueprint, people: list[Talk]) -> None:
        source = find_blueprint("returns").read_text()
        fitted, changes = reweighted(returns, people, USER_CORE_ACTS)
        text = blueprint_text(source, fitted, changes, ["one line"])
        assert parse_blueprint(text).policy == fitted.policy
        assert parse_blueprint(text).hash == fitted.hash
        added = [line for line in text.splitlines() if line not in source.splitlines()]
        moved = [c for c in changes if not c.left]
        assert sum(not line.startswith("#") for line in added) == len(moved)
        assert all(line in text.splitlines() for line in source.splitlines() if line.startswith("#"))

    @pytest.mark.parametrize("style", ["block", "anchored"])
    def test_other_ways_to_write_a_row(self, returns: Blueprint, people: list[Talk], style: str) -> None:
        whole = yaml.safe_load(find_blueprint("returns").read_text())
        source = yaml.safe_dump(whole, sort_keys=False).replace("policy:\n", "policy:  # rows\n")
        if style == "anchored":
            source = source.replace("max_user_turns: 10", "max_user_turns: &turns 10")
        else:
            source = source.replace("    decline: 0.15\n", "    decline: 0.15  # seldom\n")
        book = parse_blueprint(source)
        fitted, changes = reweighted(book, people, USER_CORE_ACTS)
        text = blueprint_text(source, fitted, changes, [])
        assert parse_blueprint(text).policy == fitted.policy
        assert parse_blueprint(text).model_copy(update={"policy": ()}) == book.model_copy(update={"policy": ()})


@pytest.fixture
def _few_of_the_hand_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.door.fitting.HAND_SESSIONS", 40)


@pytest.mark.usefixtures("_few_of_the_hand_written")
class TestCommand:
    def test_part_over_core_acts(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        sessions = sgd_file(tmp_path / "s.jsonl", canary=CANARY)
        assert run(["init", "--from", str(sessions), "--out", str(tmp_path / "p.yaml"), "-q"]) == 0
        said = capsys.readouterr().out
        assert "fitted minus hand-written (returns)" in said
        assert "next: " in said
        text = (tmp_path / "p.yaml").read_text()
        part = yaml.safe_load(text)
        assert list(part) == ["policy", "priors"]
        assert {a for r in part["policy"] for a in r["do"]} <= set(CORE_ACTS)
        assert sum(part["priors"]["acts"].values()) == pytest.approx(1, abs=1e-3)
        assert "60 labelled sessions" in text
        assert "Schema-Guided Dialogue (60)" in text
        assert "CC-BY-SA-4.0" in text
        assert "fitted minus uniform" in text

    @pytest.mark.parametrize("like", [None, "returns"])
    def test_no_word_of_the_sessions_and_the_same_bytes(self, tmp_path: Path, like: str | None) -> None:
        sessions = sgd_file(tmp_path / "s.jsonl", canary=CANARY)
        assert CANARY in sessions.read_text()
        made = [init(tmp_path / f"{i}.yaml", like=like, sessions=[sessions]) for i in (1, 2)]
        first, second = ((tmp_path / f"{i}.yaml").read_bytes() for i in (1, 2))
        assert first == second
        assert CANARY.encode() not in first
        assert CANARY not in json.dumps(made)

    @pytest.mark.parametrize("like", ["returns", "movies", "clinic"])
    def test_a_reweighted_blueprint_lints_and_runs(self, tmp_path: Path, like: str) -> None:
        sessions = sgd_file(tmp_path / "s.jsonl", n=60)
        made = init(tmp_path / "b.yaml", like=like, sessions=sessions)
        assert any(r["left"] == "" for r in made["rows"])
        assert lint(tmp_path / "b.yaml") == []
        assert load_blueprint(tmp_path / "b.yaml").hash != load_blueprint(like).hash
        if like == "returns":
            assert tiny_run(tmp_path / "run", n=3, blueprint=str(tmp_path / "b.yaml"))["sessions"] == 3

    def test_as_json_one_object(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        one, two = sgd_file(tmp_path / "s.jsonl"), sgd_file(tmp_path / "t.jsonl", n=6, seed=1, canary="others")
        arguments = ["init", "--from", str(one), str(two), "--out", str(tmp_path / "o.yaml"), "--json"]
        assert run(arguments) == 0
        made = json.loads(capsys.readouterr().out)
        assert (made["sessions"], made["labelled_sessions"]) == (66, 66)
        assert made["held_out"]["gain"]["uniform"]["low"] > 0
        assert "words" not in made

    def test_without_sessions_it_copies_a_bundled_one(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["init", str(tmp_path / "mine.yaml"), "--like", "movies"]) == 0
        assert (tmp_path / "mine.yaml").read_bytes() == find_blueprint("movies").read_bytes()
        assert run(["init", "--out", str(tmp_path / "other.yaml")]) == 0
        assert load_blueprint(tmp_path / "other.yaml").name == "returns"
        assert run(["init", "a.yaml", "b.yaml"]) == 2

    def test_a_map_of_acts_from_a_file(self, tmp_path: Path) -> None:
        lines = []
        for i, talk in enumerate(known_talks(30, 8)):
            turns = [{"speaker": s.party, "text": "", "labels": {"move": f"X-{min(s.acts)}"}} for s in talk.steps]
            lines.append(json.dumps({"id": f"m{i}", "turns": turns}))
        (tmp_path / "s.jsonl").write_text("\n".join(lines))
        table = {"label": "move", "acts": {f"X-{a}": a for a in CORE_ACTS}}
        (tmp_path / "m.yaml").write_text(yaml.safe_dump(table))
        made = init(tmp_path / "o.yaml", sessions=[tmp_path / "s.jsonl"], acts=tmp_path / "m.yaml")
        assert made["sources"] == {"map m.yaml": 30}
