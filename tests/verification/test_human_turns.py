import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import BadInput
from assay.records.core_acts import CORE_ACTS
from assay.verification.annotators.human_turns import MAX_CHARS, HumanTurnReader, Party, tokens

OWN = [json.loads(line) for line in (Path(__file__).parent / "own_turns.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def reader() -> HumanTurnReader:
    return HumanTurnReader.load()


class TestBadInput:
    def test_missing_weights(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="cannot read the reader's weights") as caught:
            HumanTurnReader.load(tmp_path / "nothing.npz")
        assert "nothing.npz" in caught.value.where

    @pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
    def test_not_weights(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "bad.npz"
        path.write_bytes(content)
        with pytest.raises(BadInput, match="cannot read"):
            HumanTurnReader.load(path)

    def test_weights_of_another_reader(self, tmp_path: Path) -> None:
        path = tmp_path / "other.npz"
        meta = json.dumps({"name": "other-1", "buckets": 8, "acts": {}}).encode()
        np.savez(path, meta=np.frombuffer(meta, np.uint8))
        with pytest.raises(BadInput, match="weights of other-1"):
            HumanTurnReader.load(path)

    def test_weights_with_a_part_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "part.npz"
        meta = json.dumps({"name": "human-turns-1", "buckets": 1 << 15, "acts": {"user": ["bye"]}}).encode()
        np.savez(path, meta=np.frombuffer(meta, np.uint8))
        with pytest.raises(BadInput, match="cannot read"):
            HumanTurnReader.load(path)

    def test_unknown_party(self, reader: HumanTurnReader) -> None:
        with pytest.raises(BadInput, match="narrator"):
            reader.read([("hello", None)], "narrator")  # type: ignore[arg-type]

    @pytest.mark.parametrize("turn", [("hello",), (None, "hi"), ("hello", 3)])
    def test_not_a_turn(self, reader: HumanTurnReader, turn: Any) -> None:
        with pytest.raises(BadInput) as caught:
            reader.read([("hello", None), turn])
        assert caught.value.where == "turn 1"


class TestShape:
    def test_vocabulary_is_core_acts(self, reader: HumanTurnReader) -> None:
        assert set(reader.vocabulary_user) | set(reader.vocabulary_assistant) <= set(CORE_ACTS)
        assert reader.vocabulary("user") == reader.vocabulary_user
        assert reader.vocabulary("assistant") == reader.vocabulary_assistant

    def test_acts_without_honest_data_stay_out(self, reader: HumanTurnReader) -> None:
        assert not {"withhold", "acknowledge", "clarify"} & {*reader.vocabulary_user, *reader.vocabulary_assistant}

    def test_no_turns(self, reader: HumanTurnReader) -> None:
        assert reader.read([]).shape == (0, len(reader.vocabulary_user))
        assert reader.distribution([], "assistant").shape == (0, len(reader.vocabulary_assistant))

    def test_distribution_sums_to_one(self, reader: HumanTurnReader) -> None:
        p = reader.distribution([("", None), ("Yes, please.", "Is that right?"), ("?", "")])
        assert np.allclose(p.sum(axis=1), 1)

    def test_thresholds_are_ordered(self, reader: HumanTurnReader) -> None:
        parties: tuple[Party, ...] = ("user", "assistant")
        for party in parties:
            for support_at, contradict_at in reader.thresholds(party).values():
                assert 0 <= contradict_at <= support_at < 1

    def test_digest_is_of_the_file(self, reader: HumanTurnReader, tmp_path: Path) -> None:
        import hashlib
        from importlib.resources import files

        blob = files("assay.verification").joinpath("weights", "core-act-reader-2.npz").read_bytes()
        assert reader.digest == hashlib.sha256(blob).hexdigest()
        assert len(blob) < 3_000_000


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=60), st.none() | st.text(max_size=60)), min_size=1, max_size=5))
def test_any_text_can_be_read(turns: list[tuple[str, str | None]]) -> None:
    reader = HumanTurnReader.load()
    p = reader.read(turns)
    assert np.all((p > 0) & (p < 1))
    assert np.isfinite(reader.distribution(turns)).all()


def test_alone_as_in_a_batch(reader: HumanTurnReader) -> None:
    turns = [(t["text"], t["previous"]) for t in OWN] * 12
    together = reader.read(turns)
    assert np.array_equal(together[: len(OWN)], np.vstack([reader.read([t]) for t in turns[: len(OWN)]]))


def test_same_numbers_in_another_process(reader: HumanTurnReader) -> None:
    """Python's own hash() would differ between processes."""
    code = (
        "from assay.verification.annotators.human_turns import HumanTurnReader as R;"
        "print(R.load().read([('No thanks, bye!', 'Anything else?')]).tolist())"
    )
    out = [
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
                       capture_output=True, check=True, text=True).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert out[0] == out[1]
    assert json.loads(out[0]) == reader.read([("No thanks, bye!", "Anything else?")]).tolist()


def test_no_learning_library_at_run_time() -> None:
    code = (
        "import sys; from assay.verification.annotators.human_turns import HumanTurnReader as R; R.load();"
        "sys.exit(any(m in sys.modules for m in ('sklearn', 'scipy', 'torch', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0


def test_values_do_not_matter(reader: HumanTurnReader) -> None:
    """Two turns that differ in names, ids and numbers only are the same turn to the reader."""
    one = reader.read([("It's AB-10482, for Zorblax.", "What is it?"), ("There are 12 left.", None)])
    two = reader.read([("It's K9-77, for Quendle.", "What is it?"), ("There are 40 left.", None)])
    assert np.array_equal(one, two)


def test_long_turn_is_cut() -> None:
    assert len(tokens("word " * 1_000_000)) <= MAX_CHARS


def test_right_to_left_and_emoji(reader: HumanTurnReader) -> None:
    assert reader.read([("שלום, אני צריך עזרה 🙂", None), ("\u202egnirts\x00", "🙂")]).shape[0] == 2


class TestOwnTurns:
    """Turns written for this project: an electronics store and a clinic, in no training set."""

    @staticmethod
    def known(reader: HumanTurnReader, party: Party) -> list[dict[str, Any]]:
        return [t for t in OWN if t["party"] == party and set(t["acts"]) & set(reader.vocabulary(party))]

    @pytest.mark.parametrize(("party", "least"), [("user", 0.78), ("assistant", 0.7)])
    def test_most_likely_act(self, reader: HumanTurnReader, party: Party, least: float) -> None:
        mine = self.known(reader, party)
        p = reader.distribution([(t["text"], t["previous"]) for t in mine], party)
        right = [reader.vocabulary(party)[k] in t["acts"] for k, t in zip(p.argmax(axis=1), mine, strict=True)]
        assert np.mean(right) >= least

    @pytest.mark.parametrize(("party", "most_alarms", "least_caught"), [("user", 0.08, 0.5), ("assistant", 0.12, 0.5)])
    def test_true_labels_stand_and_wrong_ones_fall(
        self, reader: HumanTurnReader, party: Party, most_alarms: float, least_caught: float
    ) -> None:
        mine = self.known(reader, party)
        p = reader.read([(t["text"], t["previous"]) for t in mine], party)
        true: list[str] = []
        wrong: list[str] = []
        for row, turn in zip(p, mine, strict=True):
            for act in reader.vocabulary(party):
                (true if act in turn["acts"] else wrong).append(reader.judge(row, act, party)[0])
        assert true.count("contradicted") / len(true) <= most_alarms
        assert wrong.count("contradicted") / len(wrong) >= least_caught
        assert wrong.count("supported") / len(wrong) <= 0.06

    def test_acts_outside_the_vocabulary_are_not_judged(self, reader: HumanTurnReader) -> None:
        row = reader.read([("I'd rather not say that.", "What medication do you take?")])[0]
        assert reader.judge(row, "withhold")[0] == "not_applicable"


def test_speed(reader: HumanTurnReader) -> None:
    """Measured at 7,600 to 8,700 turns a second on one core; the bound leaves room for a busy machine."""
    turns = [(f"{t['text']} {i}", t["previous"]) for i in range(30) for t in OWN]
    reader.read(turns[:100])
    start = time.process_time()
    reader.read(turns)
    assert len(turns) / (time.process_time() - start) > 2500
