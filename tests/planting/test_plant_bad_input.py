from collections.abc import Callable

import pytest
from planting_examples import foreign_run, own_run, own_session

from assay.errors import BadInput, RunMismatch
from assay.planting.faults import OPERATORS, plant, restore
from assay.planting.power import Plan, borrow, measure
from assay.planting.truth import Planted, read_truth

RUN = own_run(6)
STRAY = Planted(session="x", turn=1, name=None, operator="blank", kind="text", before="", after="")


@pytest.mark.parametrize(
    ("change", "what", "choice"),
    [
        ({"operator": "act_swop"}, "no operator 'act_swop'", "label_shuffle"),
        ({"kind": "words"}, "does not exist as kind 'words'", "systematic"),
        ({"operator": "blank"}, "does not exist as kind 'label'", "text"),
        ({"kind": "text"}, "needs a model", "--kind label"),
        ({"rate": 0.0}, "rate 0 ", "0.1"),
        ({"rate": 1.5}, "rate 1.5", "0.1"),
        ({"rate": float("nan")}, "rate nan", "0.1"),
        ({"seed": -1}, "seed -1 is negative", "0 or more"),
        ({"label": "colour"}, "no label 'colour'", "profile.age"),
        ({"operator": "early_reveal", "kind": "text", "label": "goal"}, "no label 'goal'", "private.user.secret"),
        ({"operator": "blank", "kind": "text", "label": "act"}, "takes no label", "leave --label out"),
    ],
)
def test_wrong_arguments_say_what_where_and_what_now(change: dict[str, object], what: str, choice: str) -> None:
    arguments = {"operator": "act_swap", "kind": "label", "rate": 0.2, "seed": 1, **change}
    with pytest.raises(BadInput) as error:
        plant(RUN, **arguments)  # type: ignore[arg-type]
    assert what in error.value.what
    assert error.value.where
    assert choice in error.value.now


@pytest.mark.parametrize(
    "broken",
    [
        lambda: plant([], operator="blank", kind="text", rate=0.5, seed=1),
        lambda: plant([RUN[0], RUN[0]], operator="blank", kind="text", rate=0.5, seed=1),
        lambda: plant(foreign_run(3), operator="slot_swap", kind="label", rate=0.5, seed=1),
        lambda: plant([own_session(1)], operator="goal_swap", kind="label", rate=0.5, seed=1),
        lambda: measure(RUN, lambda s: [], seed=1, rate=2.0, blueprint_hash="", verifier="1", model=""),
        lambda: measure(
            RUN, lambda s: [], seed=1, rate=0.2, blueprint_hash="", verifier="1", model="",
            plan=Plan(operators=("nothing",)),
        ),
        lambda: restore(RUN, [STRAY]),
    ],
)  # fmt: skip
def test_runs_without_anything_to_break_are_refused(broken: Callable[[], object]) -> None:
    with pytest.raises(BadInput) as error:
        broken()
    assert error.value.now


def test_truth_that_is_no_truth(tmp_path) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_text('{"session": "s1", "turn": 1}\n')
    with pytest.raises(BadInput, match="line 1"):
        list(read_truth(path))


def test_power_of_another_run_is_not_borrowed() -> None:
    power = {"blueprint": "b", "verifier": "1", "sessions": 300, "from": None}
    assert borrow(power, blueprint_hash="b", verifier="1", origin="shipped")["from"] == "shipped"
    with pytest.raises(RunMismatch, match="another blueprint"):
        borrow(power, blueprint_hash="c", verifier="1", origin="shipped")
    with pytest.raises(RunMismatch, match="another verifier"):
        borrow(power, blueprint_hash="b", verifier="2", origin="shipped")
    with pytest.raises(BadInput, match="299 sessions"):
        borrow({**power, "sessions": 299}, blueprint_hash="b", verifier="1", origin="shipped")


def test_every_operator_of_the_interface_is_there() -> None:
    named = (
        "act_swap slot_swap goal_swap persona_mid line_contra fact_contra early_reveal omniscient early_end repeat "
        "blank generic persona_copy label_shuffle template_marks"
    )
    assert set(OPERATORS) == set(named.split())
