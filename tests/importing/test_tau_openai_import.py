"""The tau-bench, tau2-bench and OpenAI importers: refusals, counts, fields kept, mutated files."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import AssayError, BadSessions
from assay.importing.guess import guess
from assay.importing.openai import openai_rows
from assay.importing.report import ImportReport
from assay.importing.sessions import import_rows
from assay.importing.tau import tau_rows

TAU1 = [{
    "task_id": 3, "trial": 0, "reward": 1.0, "new_field": [1],
    "info": {"task": {"user_id": "ann_lee_12", "instruction": "You want to cancel order #W77.",
                      "actions": [{"name": "x"}],
                      "outputs": []}, "source": "user"},
    "traj": [{"role": "system", "content": "policy"}, {"role": "user", "content": "Cancel #W77"},
             {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "x"}}]},
             {"role": "tool", "tool_call_id": "c", "name": "x", "content": "done"}],
}]  # fmt: skip
TAU2 = {
    "timestamp": "t", "tasks": [{"id": "7", "user_scenario": {"persona": None, "instructions": {
        "domain": "shop", "reason_for_call": "You want a refund.", "known_info": "You are Ann.",
        "task_instructions": "Do not mention it."}}, "evaluation_criteria": {"actions": []}}],
    "simulations": [{"id": "s1", "task_id": "7", "trial": 2, "reward_info": {"reward": 0.0}, "seed": 4,
                     "messages": [{"role": "assistant", "content": "Hi", "turn_idx": 0},
                                  {"role": "user", "content": "A refund please", "cost": 0.1}]}],
}  # fmt: skip
CHAT = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look:"},
                                                  {"type": "image_url", "image_url": {"url": "u"}}]},
                     {"role": "assistant", "content": "A cat."}], "metadata": {"k": 1}}  # fmt: skip


def written(folder: Path, value: object) -> Path:
    path = folder / "f.json"
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize(
    ("rows", "value", "where"),
    [
        (tau_rows, [{"task_id": 1}], "entry 1"),
        (tau_rows, [{**TAU1[0], "traj": [{"content": "no role"}]}], "message 0"),
        (tau_rows, {"simulations": "no"}, "entry 1"),
        (tau_rows, {"simulations": [{"id": "a"}]}, "simulations.0"),
        (openai_rows, {"messages": "no"}, "line 1"),
        (openai_rows, {"messages": [{"role": "user", "content": 5}]}, "messages.0"),
    ],
)
def test_refused(tmp_path, rows, value, where):
    with pytest.raises(BadSessions) as caught:
        list(import_rows(rows(written(tmp_path, value))))
    assert where in caught.value.where or "line 1" in caught.value.where


def test_tau_bench(tmp_path):
    report = ImportReport()
    (session,) = import_rows(tau_rows(written(tmp_path, TAU1)), report=report)
    assert session.id == "3/0"
    assert session.private["user"]["instruction"] == TAU1[0]["info"]["task"]["instruction"]
    assert session.session_labels["reward"] == 1.0
    assert session.kept["gold_actions"] == [{"name": "x"}]
    assert session.extra["new_field"] == [1]
    assert session.extra["info"]["source"] == "user"
    assert [t.speaker for t in session.turns] == ["system", "user", "assistant", "tool"]
    assert session.turns[2].tool_calls
    assert session.turns[3].tool_call_id == "c"
    assert report.balanced
    assert report.turns == 4


def test_tau2_bench(tmp_path):
    (session,) = import_rows(tau_rows(written(tmp_path, TAU2)))
    assert "You want a refund." in session.private["user"]["instruction"]
    assert "Do not mention it." in session.private["user"]["instruction"]
    assert session.session_labels == {"reward": 0.0, "trial": 2}
    assert session.extra["seed"] == 4
    assert session.turns[1].extra == {"cost": 0.1}


def test_openai_parts_are_kept(tmp_path):
    (session,) = import_rows(openai_rows(written(tmp_path, CHAT)))
    assert session.turns[0].text == "Look:\n[image_url]"
    assert session.turns[0].extra["content"] == CHAT["messages"][0]["content"]
    assert session.extra["metadata"] == {"k": 1}


@pytest.mark.parametrize(("value", "format"), [(TAU1, "tau2"), (TAU2, "tau2"), (CHAT, "openai")])
def test_guess(tmp_path, value, format):
    assert guess(written(tmp_path, value)).format == format


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({}),
    st.just("\ud800"),
    st.just("\x00"), st.just([1, {"role": 3}]),
)  # fmt: skip


def places(value, at=()):
    yield at
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*at, key))


def mutated(value, at, junk):
    copy = json.loads(json.dumps(value))
    if not at:
        return junk
    inner = copy
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = junk
    return copy


@pytest.mark.parametrize(("rows", "value"), [(tau_rows, TAU1), (tau_rows, TAU2), (openai_rows, CHAT)])
@settings(max_examples=170, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_files_are_read_or_refused(tmp_path, rows, value, data):
    """No traceback but assay's own errors, and never a turn lost in what is read."""
    at = data.draw(st.sampled_from(list(places(value))))
    path = written(tmp_path, mutated(value, at, data.draw(JUNK)))
    report = ImportReport()
    try:
        sessions = list(import_rows(rows(path), report=report))
    except AssayError:
        return
    assert report.balanced
    assert report.turns == sum(len(s.turns) for s in sessions)
