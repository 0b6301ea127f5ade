"""The card of an adapter: what it was trained on and under which licences, how, what was measured, its limits."""

from collections.abc import Mapping
from typing import Any

SHARE_ALIKE = ("CC-BY-SA", "ODbL")
"""Licences that bind what is made from the text to the same licence."""


def licence_of(summary: Mapping[str, Any]) -> str:
    """Licence that the data asks of the adapter: the share-alike one, else CC-BY-4.0 for attribution, else `other`.

    `other` where a licence was let in by hand: then those who made the adapter must decide.
    """
    names = sorted({name for row in summary["data"] for name in row["licences"]})
    if set(summary.get("allowed_licences") or ()) & set(names):
        return "other"
    alike = [n for n in names if n.startswith(SHARE_ALIKE)]
    if alike:
        return str(alike[0])
    return "CC-BY-4.0" if any(n.startswith("CC-BY") for n in names) else "Apache-2.0"


def card(summary: Mapping[str, Any]) -> str:
    """README.md of a training folder, from its summary: a YAML header that model hubs read, then plain words."""
    parts = [_header(summary), _title(summary), _data(summary), _training(summary), _figures(summary), _limits(summary)]
    return "\n\n".join(parts) + "\n"


def _header(summary: Mapping[str, Any]) -> str:
    lines = ["---", f"license: {licence_of(summary).lower()}", "base_model: HuggingFaceTB/SmolLM2-135M-Instruct"]
    if not summary["base"]["embedded"]:
        lines.pop()
    return "\n".join([*lines, "library_name: gguf", "tags:", "- lora", "- user-simulation", "- assay", "---"])


def _title(summary: Mapping[str, Any]) -> str:
    adapter, base, rank = summary["adapter"], summary["base"], summary["plan"]["rank"]
    smoke = (
        "\n\n**This is a smoke run: a few steps to try the machinery. Do not use these weights.**"
        if summary["smoke"]
        else ""
    )
    use = (
        f"```sh\nassay run returns --out runs/with-it -n 20 --seed 1 --model embedded:{adapter['file']}\n```"
        if base["embedded"]
        else "The embedded engine refuses it: it runs another base."
    )
    return (
        f"# {_plain(summary['name'])}\n\nA LoRA adapter that words a simulated user's dialogue acts. It reads the "
        f"prompt of `assay.simulation.prompt` and writes one user turn, to the end of the line.{smoke}\n\n"
        "| | |\n|---|---|\n"
        f"| file | `{adapter['file']}`, {adapter['bytes']:,} bytes, sha256 `{adapter['sha256']}` |\n"
        f"| form | LoRA, rank {rank}, alpha {2 * rank}, all linear layers, fp16 |\n"
        f"| base | {_plain(base['name'])}, sha256 `{base['sha256']}` |\n"
        f"| made by | assay {summary['version']}, `assay learn sft`, seed {summary['plan']['seed']} |\n\n{use}"
    )


def _data(summary: Mapping[str, Any]) -> str:
    lines = [
        "## Data and licences",
        "",
        "| file | sha256 | licence | sessions trained on | user turns | held out | services of these | left out |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in summary["data"]:
        licences = ", ".join(f"{_plain(k) or 'none stated'} ({v})" for k, v in row["licences"].items())
        kind = row["held_out_services"] if row["held_out"] else "-"
        lines.append(
            f"| {_plain(row['file'])} | `{row['sha256'][:16]}` | {licences} | {row['train']:,} | "
            f"{row['train_turns']:,} | {row['held_out']:,} | {kind} | {row['left_out']:,} |"
        )
    lines += ["", f"Services trained on: {', '.join(map(_plain, summary['services'])) or 'none named'}."]
    if summary.get("allowed_licences"):
        allowed = ", ".join(_plain(x) or "none stated" for x in summary["allowed_licences"])
        lines.append(f"**Let in by hand, although not clearly open: {allowed}.** Ask before you pass the adapter on.")
    lines.append(
        f"The data's licences ask for **{licence_of(summary)}** and for credit to every set. No text of the sets is in "
        "the file."
    )
    if summary["plan"]["vary"]:
        lines.append(
            "Values, slot names, nouns and goals of some sessions are replaced throughout (`assay.learning.augment`), "
            "and some exchanges with lines by the authors of assay are put in (`assay.learning.lines`)."
        )
    return "\n".join(lines)


def _training(summary: Mapping[str, Any]) -> str:
    t, plan = summary["training"], summary["plan"]
    times = f", started {t['starts']} times" if t["starts"] > 1 else ""
    versions = ", ".join(f"{k} {v}" for k, v in summary["packages"].items())
    until = "a fixed number of steps" if plan["steps"] else "the clock, so that another run gives other weights"
    lines = [
        "## Training",
        "",
        f"{t['steps']:,} steps of {plan['batch']} texts of up to {plan['longest']} tokens, ended by {until}; "
        f"{t['tokens']:,} tokens in {t['seconds'] / 60:.1f} minutes ({t['tokens_per_second']:.0f} tokens/s{times}). "
        f"AdamW, highest rate {plan['rate']:g}, {plan['warm_up']} steps of warm-up, cosine to zero, gradient norm cut "
        f"at 1, frozen weights in {t['precision']}, adapter in fp32, {t['device']}, {t['threads']} threads. "
        f"{versions}.",
        "The last checkpoint was exported; none was chosen by its figures.",
    ]
    lines += [f"- Alarm: {_plain(a)}." for a in summary["alarms"]]
    return "\n".join(lines)


def _figures(summary: Mapping[str, Any]) -> str:
    lines = ["## Figures", "", "Sessions that were never trained on; 95 % intervals with sessions as the units.", ""]
    lines += ["| held out | sessions | target tokens | loss before | after | difference |", "|---|---|---|---|---|---|"]
    for name, found in summary["held_out"].items():
        cells = " | ".join(interval(found[k]) for k in ("before", "after", "difference"))
        lines.append(f"| {name} | {found['sessions']} | {found['target_tokens']:,} | {cells} |")
    words = summary.get("words")
    if not words:
        return "\n".join([*lines, "", "The adapter's words were not measured in the engine."])
    share = [interval(words[k], percent=True) for k in ("adapter", "bare", "difference")]
    lines += [
        "",
        f"Every required value in one sample, of {words['prompts']} held-out turns with a value ({words['group']}; "
        f"{words['sampling']}): "
        f"**{share[0]}**; without the adapter {share[1]}; difference {share[2]}. "
        f"{words['words']['adapter']:g} words a turn, people {words['words']['people']:g}.",
    ]
    return "\n".join(lines)


def interval(found: Mapping[str, Any], *, percent: bool = False) -> str:
    """`1.560 (1.50 to 1.62)` or `86 % (80 to 93)`, with few sessions said aloud."""

    def shown(value: float) -> str:
        return f"{100 * value:.0f}" if percent else f"{value:.3f}"

    unit = " %" if percent else ""
    if found["low"] is None:
        return f"{shown(found['point'])}{unit} (no interval below 10 sessions)"
    return f"{shown(found['point'])}{unit} ({shown(found['low'])} to {shown(found['high'])})"


def _limits(summary: Mapping[str, Any]) -> str:
    lines = [
        "## What it cannot do",
        "",
        "- Its words are never evidence of a label: guards and an independent reader are needed.",
        "- Domains, acts and ways of talking that the data does not have come out bent.",
        "- A text that carries every value can still be a poor sentence: read sessions before you trust them.",
    ]
    if summary["plan"]["vary"]:
        lines.append("- The words of `situation` are random in training and have no effect by design.")
    if "new services" not in summary["held_out"]:
        lines.append("- **Nothing was measured on services that were never trained on.**")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Text of a file or configuration as Markdown that says just that: one line, no markup."""
    return "".join(f"&#{ord(c)};" if c in "<>&|[]`*" else c for c in " ".join(str(text).split()))
