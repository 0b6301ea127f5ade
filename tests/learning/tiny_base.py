"""A Llama of a few thousand random numbers with a tokenizer of its own, and sessions to train it on in seconds."""

import json
from pathlib import Path

WORDS = ("kettle", "parcel", "refund", "invoice", "laptop", "printer", "voucher", "charger")


def write_base(folder: Path) -> Path:
    """A Hugging Face folder. Needs torch and transformers."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator([" ".join(WORDS)], trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(folder)
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(shape).save_pretrained(folder)
    return folder


def write_sessions(path: Path) -> Path:
    """Sessions of two services, written for this test."""
    rows = []
    for i in range(16):
        word, service = WORDS[i % len(WORDS)], "shop" if i % 2 else "bank"
        said = [
            ("state_goal", {}, f"I want to return a {word}."),
            ("inform", {"item": word}, f"It is the {word}, please."),
            ("bye", {}, "Goodbye."),
        ]
        turns = []
        for act, slots, text in said:
            turns.append({"speaker": "assistant", "text": "Yes, please?"})
            turns.append({"speaker": "user", "text": text, "labels": {"core_act": act, "slots": slots}})
        labels = {"services": [service], "goal": f"return a {word}"}
        split = "train" if service == "shop" else "test"
        rows.append({"id": str(i), "licence": "MIT", "split": split, "session_labels": labels, "turns": turns})
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def write_plan(folder: Path, base: Path, **more: object) -> Path:
    """A configuration for both."""
    write_sessions(folder / "s.jsonl")
    fields: dict[str, object] = {
        "name": "tiny", "base": str(base), "steps": 8, "batch": 2, "longest": 300, "rank": 2, "rate": 0.01,
        "warm_up": 2, "checkpoint_seconds": 0.001, "keep": 2, "precision": "fp32", "device": "cpu", "threads": 1,
        "sequences": 4,
        "data": [{"file": "s.jsonl", "train": ["train"], "held_out": ["test"]}],
    }  # fmt: skip
    path = folder / "plan.yaml"
    path.write_text(json.dumps({**fields, **more}))
    return path
