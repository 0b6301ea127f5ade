"""The report of a run on rewards (consistency, ttrl, dro): curves by step, figures with intervals, alarms, lines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from assay.learning.consistency_card import figure
from assay.learning.curves import Points, log_rows, smoothed
from assay.pages.learning import KINDS, Chart, chart
from assay.pages.report import UNSAFE, policy
from assay.pages.report import _asset as asset
from assay.records.storage import atomic_write

WHAT = {
    "consistency": "who words the user in keeping with a persona",
    "ttrl": "who reads sessions, by its own majority votes",
    "dro": "who foresees the next act, by what people said next",
}
LOOKS: dict[str, tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]] = {
    "consistency": (
        ("On held-out personas", "By the judge of the reward; the figures below are another judge's.",
         (("co01", "fits the persona (CO01)"), ("co02", "fits itself (CO02)"), ("co03", "answers (CO03)"))),
        ("Coverage and degenerate lines", "Coverage that falls or degenerate lines that rise stop the training.",
         (("coverage", "coverage (CO04)"), ("degenerate", "degenerate (CO05)"))),
        ("Words a line", "Lines that shrink say less to be wrong about.", (("words", "words"),)),
        ("Doubt of the words", "Nats a token as drawn; near nothing the same words come every time.",
         (("doubt", "doubt"),)),
    ),
    "ttrl": (
        ("Right answers", "On the questions that are voted on; their answers are read here alone.",
         (("right", "single answers"), ("voted_right", "majority"), ("majority", "share of the majority"))),
        ("Majorities that flip", "Share of questions whose majority is another than at the last look.",
         (("flips", "flips"),)),
        ("Doubt of the answers", "Nats a token as drawn.", (("doubt", "doubt"),)),
        ("One answer for many questions", "Share of the commonest majority.", (("commonest", "commonest"),)),
    ),
    "dro": (
        ("What people said next", "Log-probability a token on held-out turns, nats; higher is better.",
         (("score", "behind the model's thoughts"), ("no_thought", "behind none"))),
        ("Tokens of a thought", "A collapse shows here.", (("tokens", "tokens"),)),
    ),
}  # fmt: skip
"""Method -> charts of its looks: title, lead, (field, name) of each line."""
STEPS = (
    ("Reward", "Mean over the sessions or answers of a step, before it is compared within its group.",
     ("paid", "reward", "spread")),
    ("Loss", "Of the policy; near nothing where groups are paid alike.", ("loss",)),
    ("Entropy", "Nats a token; a fall to nothing is a collapse.", ("entropy",)),
    ("Groups paid alike", "Share of groups from which nothing can be learned.", ("idle",)),
)  # fmt: skip
"""Charts of single steps: title, lead, fields of which the first there is is drawn."""
MOST_LINES = 12
"""Lines of the last look that are shown."""


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of a run."""

    title: str
    lead: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_reward_report(directory: Path, summary: Mapping[str, Any]) -> Path:
    """Write `report.html` of such a run folder from its progress.jsonl and summary; return its path.

    While training goes on it shows what there is. Raises StorageFailed when the file cannot be written.
    """
    rows = progress(directory / "progress.jsonl")
    style = asset("report.css") + asset("learning.css")
    looks = [r for r in rows if r["stage"] == "look"]
    page = _template().render(
        style=style, policy=policy(style, ""), summary=summary, headline=headline(summary, rows),
        what=WHAT.get(summary["method"], summary["method"]), facts=facts(summary, rows),
        charts=drawn(summary["method"], rows), alarms=[a for r in looks for a in r.get("alarms", ())],
        tables=list(tables(summary)), said=said(summary, looks),
    )  # fmt: skip
    path = directory / "report.html"
    atomic_write(path, UNSAFE.sub("\ufffd", page).encode("utf-8"))
    return path


def progress(path: Path) -> list[dict[str, Any]]:
    """Lines of a progress.jsonl in the order of steps; of a step that was made twice the later line counts."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for row in log_rows(path):
        found[str(row["stage"]), int(row["step"])] = row
    return [found[key] for key in sorted(found, key=lambda k: k[1])]


def headline(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The result in one sentence, or how far the run is."""
    if measured := summary.get("measured"):
        one = measured["difference"]["inconsistent"]
        if one is None:
            return "Inconsistency was not read: see the judge of the evaluation"
        name, high, low = "inconsistency on held-out personas", one["high"], one["low"]
        told = f"{figure(measured['before']['inconsistent'])} to {figure(measured['after']['inconsistent'])}"
        sure = None if high is None else "Lower" if high < 0 else "Higher" if low > 0 else None
        return f"{sure} {name}: {told}" if sure else f"No clear change of {name}: {told}"
    if "after" in summary:
        return f"Right answers {summary['before']['right']:.3f} to {summary['after']['right']:.3f}"
    if "gain" in summary:
        return f"What people said next: {summary['gain']['point']:+.3f} nats a token"
    done = max((int(r["step"]) for r in rows), default=0)
    return f"Training: step {done} of {summary['plan']['steps']}"


def facts(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Settings and counts under the headline."""
    plan, training = summary["plan"], summary.get("training") or {}
    found = [("planned", f"{plan['steps']} steps"), ("done", f"{max((int(r['step']) for r in rows), default=0)}")]
    found += [(k, str(plan[k])) for k in ("method", "reward", "weights", "rank", "rate", "seed") if k in plan]
    if "seconds" in training:
        found.append(("trained", f"{training['seconds'] / 60:.1f} minutes"))
    for key in ("drawing_share", "speaking_share"):
        if key in training:
            found.append(("of it drawing", f"{100 * training[key]:.0f} %"))
    if training.get("stopped"):
        found.append(("stopped by", str(training["stopped"])))
    return found


def drawn(method: str, rows: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Charts of looks and of steps; those without a point are left out."""
    end = float(max((int(r["step"]) for r in rows), default=0))
    found = []
    looks = [r for r in rows if r["stage"] == "look"]
    for title, lead, fields in LOOKS.get(method, ()):
        lines = [(kind, _points(looks, name)) for kind, (name, _) in zip(KINDS, fields, strict=False)]
        keys = tuple((kind, told) for kind, (_, told) in zip(KINDS, fields, strict=False))
        if any(points for _, points in lines):
            found.append(chart(title, lead, [x for x in lines if x[1]], keys, end))
    steps = [r for r in rows if r["stage"] in ("step", "loss")]
    for title, lead, names in STEPS:
        points = next((p for name in names if (p := _points(steps, name))), [])
        if points:
            keys = (("first", "mean of 20 steps"), ("each", "single steps"))
            found.append(chart(title, lead, [("each", points), ("first", smoothed(points))], keys, end))
    return found


def _points(rows: Sequence[Mapping[str, Any]], name: str) -> Points:
    return [(int(r["step"]), float(r[name])) for r in rows if isinstance(r.get(name), int | float)]


def tables(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Figures with their intervals."""
    if measured := summary.get("measured"):
        columns = ("frozen", "before", "after", "difference")
        rows = tuple((name, *(figure(measured[c][name]) for c in columns)) for name in measured["after"])
        lead = (
            f"{measured['sessions']} sessions, read by {summary['judges']['evaluation']}; the reward was judged by "
            f"{summary['judges']['reward']}. Brackets: 95 % intervals clustered by persona."
        )
        yield Table("On held-out personas", lead, ("", "frozen weights", "start", "after", "after less start"), rows)
        names = tuple(measured["scripted"])
        rows = tuple((k, *(figure(measured["scripted"][n][k]) for n in names)) for k in measured["after"])
        lead = "They contradict nothing; coverage, answers and degenerate lines tell them."
        yield Table("Speakers that say nothing of their own", lead, ("", *names), rows)
    found = [(k, summary[k]) for k in ("gain", "over_first_vote") if k in summary]
    if found:
        rows = tuple((k.replace("_", " "), figure(v)) for k, v in found)
        yield Table("Gain", "Last look less first, on the same dice; 95 % intervals.", ("", "difference"), rows)
    if fates := summary.get("fates"):
        yield Table("What became of the questions", "By their majority, before and after.", tuple(fates),
                    (tuple(str(n) for n in fates.values()),))  # fmt: skip


def said(summary: Mapping[str, Any], looks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(first look, last look) of some held-out lines, in the order of the sessions."""
    if summary["method"] != "consistency" or len(looks) < 2:
        return []
    pairs = [
        (a, b) for x, y in zip(looks[0]["lines"], looks[-1]["lines"], strict=True) for a, b in zip(x, y, strict=True)
    ]
    return pairs[:MOST_LINES]


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    env = Environment(loader=FunctionLoader(asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return env.get_template("learning_rewards.html.j2")
