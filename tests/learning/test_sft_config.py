"""Configurations of `assay learn sft`: what is refused, with its line; what comes with assay is right."""

from pathlib import Path

import pytest

from assay.errors import BadInput
from assay.learning.sft_config import BUNDLED, SMOKE, load_plan

GOOD = """\
name: mine
data:
  - file: a.jsonl
    held_out: [test]
steps: 10
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("old", "new", "says", "line"),
    [
        ("steps: 10", "step: 10", "step: unknown field", 5),
        ("    held_out: [test]", "    hold_out: [test]", "data.0.hold_out: unknown field", 4),
        ("steps: 10", "steps: 10\nminutes: 3", "exactly one of `steps` and `minutes`", 1),
        ("steps: 10", "seed: 1", "exactly one of `steps` and `minutes`", 1),
        ("steps: 10", "steps: 0", "steps: Input should be greater", 5),
        ("steps: 10", "steps: 10\nrank: many", "rank: Input should be a valid integer", 6),
        ("steps: 10", "steps: 10\nrate: 7", "rate: Input should be less than 1", 6),
        ("steps: 10", "steps: 10\nprecision: int4", "precision: Input should be", 6),
        ("name: mine", "name: a/b", "name: String should match", 1),
        ("    held_out: [test]", "    train: [test]\n    held_out: [test]", "test is trained on as well", 3),
        ("    held_out: [test]", "    train: [x]\n    held_out: 0.2", "a share needs `train: null`", 3),
        ("    held_out: [test]", "    held_out: 1.5", "a share lies between 0 and 1", 3),
        ("    held_out: [test]", "    held_out: 0.2\n    acts: {ask: wonder}", "'wonder' is no core act", 3),
        ("    held_out: [test]", "    held_out: 0.2\n    reader: multiwoz", "data.0.reader: Input should be", 5),
        ("data:\n  - file: a.jsonl\n    held_out: [test]", "data: []", "data: Tuple should have at least 1", 2),
    ],
)
def test_what_is_refused_names_its_line(old: str, new: str, says: str, line: int, tmp_path: Path) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(BadInput) as error:
        load_plan(written(tmp_path, text))
    assert says in str(error.value)
    assert f"line {line}" in error.value.where
    assert error.value.now


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    for text, says in (("a: [", "not YAML"), ("- a\n", "mapping of fields"), ("", "mapping of fields")):
        with pytest.raises(BadInput, match=says):
            load_plan(written(tmp_path, text))
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="cannot read"):
        load_plan(tmp_path / "c.yaml")
    with pytest.raises(BadInput, match="no configuration 'none'"):
        load_plan("none")


def test_the_good_one_is_read(tmp_path: Path) -> None:
    plan = load_plan(written(tmp_path, GOOD))
    assert (plan.name, plan.steps, plan.base, plan.data[0].services) == ("mine", 10, "embedded", "apart")


@pytest.mark.parametrize("name", BUNDLED)
def test_what_comes_with_assay_is_valid(name: str) -> None:
    plan = load_plan(name)
    small = plan.smoke()
    assert {k: getattr(small, k) for k in SMOKE} == SMOKE
    assert small.data == plan.data
    assert not plan.allow_licences, "nothing doubtful is let in by default"


def test_what_is_asked_of_pip_is_the_extra() -> None:
    import tomllib

    from assay.learning.base_weights import EXTRA

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    asked = {line.strip("'") for line in EXTRA.values()}
    assert asked <= set(project["optional-dependencies"]["learn"])


def test_memory_grows_with_what_is_asked() -> None:
    from assay.learning.base_weights import memory_gib, parameters

    smollm = {
        "hidden_size": 576, "num_hidden_layers": 30, "intermediate_size": 1536, "num_attention_heads": 9,
        "num_key_value_heads": 3, "vocab_size": 49152, "tie_word_embeddings": True,
    }  # fmt: skip
    assert parameters(smollm) == pytest.approx(134.5e6, rel=0.01)
    usual = memory_gib(smollm, longest=400, rank=8, half=False)
    assert 5.1 < usual < 8.0, "above what was measured, within the machine that was meant"
    assert memory_gib(smollm, longest=2048, rank=8, half=False) > 2 * usual
    assert memory_gib({**smollm, "num_hidden_layers": 300}, longest=400, rank=8, half=True) > 3 * usual
