"""Results in words, for the terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

NONE_TRUSTED = (
    "None is trusted: that takes an independent reader whose power on planted faults passed the gate,\n"
    "or people's answers. The report says what is missing for each name."
)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows)


def run_summary(found: dict[str, Any], directory: Path) -> str:
    """What a run made, by label name."""
    names = found["by_name"]
    rows = [("label", "n", "trusted", "suspect", "rejected", "unchecked")]
    shown = sorted(names.items(), key=lambda kv: (-kv[1]["trusted"], kv[1]["unchecked"] == kv[1]["n"], kv[0]))
    for name, row in shown[:12]:
        rows.append(
            (name, str(row["n"]), str(row["trusted"]), str(row["suspect"]), str(row["rejected"]), str(row["unchecked"]))
        )
    more = f"\n  ... and {len(shown) - 12} more label names in the report" if len(shown) > 12 else ""
    trusted = sum(r["trusted"] for r in names.values())
    certificate = {
        "not_requested": "No certificate: nobody has answered a sample yet (assay sample, then assay certify).",
        "granted": "Certificate granted.",
        "refused": "Certificate refused; certificate.json says what is missing.",
    }.get(str(found.get("certificate")), "")
    made = f"{found['sessions']} sessions, {found['labels']} labels"
    lines = [
        f"{made}; {trusted} labels trusted, in {found['seconds']:.0f} s",
        failed_line(found.get("failed", 0)),
        table(rows) + more if names else "  no labels",
        "" if trusted or not names else NONE_TRUSTED,
        usage_line(found.get("usage")),
        certificate,
        f"Report: {found['report']}" if found.get("report") else f"Folder: {directory}",
    ]
    return "\n".join(line for line in lines if line)


def failed_line(failed: int) -> str:
    """Sessions that are missing, where there are any."""
    if not failed:
        return ""
    sessions = f"{failed} session{'s' * (failed > 1)}"
    return f"{sessions} failed, not counted here: run.json says why; the same command tries again"


def usage_line(usage: dict[str, Any] | None) -> str:
    """Tokens spent against the plan, where a run has one."""
    if not usage or not usage["calls"]["sent"]:
        return ""
    tokens, plan = usage["tokens"], usage.get("plan") or {}
    of = {k: f" of {v} planned" for k, v in plan.items()}
    return (
        f"{usage['calls']['sent']} model calls: {tokens['generated']} tokens generated{of.get('generated', '')}, "
        f"{tokens['prompt_uncached']} prompt tokens read{of.get('prompt_uncached', '')}, "
        f"{tokens['prompt_cached']} from cache"
    )
