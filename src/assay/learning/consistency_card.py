"""The card of an adapter that was trained on consistency."""

from collections.abc import Mapping
from typing import Any


def card(summary: Mapping[str, Any]) -> str:
    """README.md of such a training folder, from its summary."""
    return "\n\n".join([_title(summary), _personas(summary), _figures(summary), _limits(summary)]) + "\n"


def _title(summary: Mapping[str, Any]) -> str:
    base, plan, file = summary["base"], summary["plan"], summary["adapter"]["file"]
    smoke = (
        "\n\n**A smoke run: a few steps to try the machinery. Do not use these weights.**" if summary["smoke"] else ""
    )
    use = (
        f"```sh\nassay run returns --out runs/with-it -n 20 --seed 1 --model embedded:{file}\n```"
        if base["embedded"]
        else "The embedded engine refuses it: it runs another base."
    )
    return (
        f"# {summary['name']}\n\nA LoRA adapter that words a simulated user in keeping with its persona.{smoke}\n\n"
        f"Rank {plan['rank']}, base {base['name']} (sha256 `{base['sha256']}`), gone on from "
        f"`{plan['start'] or 'nothing'}`, made by assay {summary['version']}, `assay learn consistency`, method "
        f"`{plan['method']}`, reward `{plan['reward']}`, seed {plan['seed']}, {summary['training']['steps']} steps."
        f"\n\n{use}"
    )


def _personas(summary: Mapping[str, Any]) -> str:
    p = summary["personas"]
    rows = [f"- `{x['file']}`, sha256 `{x['sha256'][:16]}`, {', '.join(x['licences'])}" for x in summary["data"]]
    rows = rows or ["- assay's own (`assay.learning.own_personas`): no data set"]
    return "\n".join([
        "## Personas", "", *rows, "",
        f"{p['train']} are trained on, {p['held_out']} held out; the two parts share no fact. {p['left_out']} were too "
        "long.",
    ])  # fmt: skip


def figure(found: Mapping[str, Any] | None) -> str:
    """`0.120 (0.05 to 0.20)`; what is missing is said."""
    if found is None:
        return "not read"
    span = "" if found["low"] is None else f" ({found['low']:.3f} to {found['high']:.3f})"
    return f"{found['point']:.3f}{span}"


def _figures(summary: Mapping[str, Any]) -> str:
    shown = summary["measured"]
    names = [n for n in shown["after"] if n in shown["difference"]]
    rows = [
        f"| {n} | {figure(shown['frozen'][n])} | {figure(shown['before'][n])} | {figure(shown['after'][n])} | "
        f"{figure(shown['difference'][n])} |"
        for n in names
    ]
    head = ["| on held-out personas | frozen weights | start | after | after less start |", "|---|---|---|---|---|"]
    return "\n".join([
        "## Figures", "",
        f"Read by {summary['judges']['evaluation']}; the reward was judged by {summary['judges']['reward']}. "
        f"{shown['sessions']} sessions; 95 % intervals clustered by persona.", "", *head, *rows,
    ])  # fmt: skip


def _limits(summary: Mapping[str, Any]) -> str:
    stopped = summary["training"].get("stopped")
    lines = [
        "## Limits", "",
        "- The partner is fixed: it asks, and does not react to what is said.",
        "- Consistent is not true to life: read sessions before you trust them.",
        "- One seed; the control `reward: random` must not do the same.",
    ]  # fmt: skip
    return "\n".join([*lines, *([f"- Stopped by an alarm: {stopped}."] if stopped else [])])
