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
        fault_lines(found),
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


def fault_lines(found: dict[str, Any]) -> str:
    """How many failed runs have a fault of the simulated user, and the success rates with and without; or nothing."""
    from assay.verification.fidelity.fault import headline

    outcome = found.get("outcome_without_user_fault") or {}
    said = headline(found.get("user_fault", {}).get("hindered", 0), outcome.get("failed", 0))
    if not said or outcome["without"] is None:
        return said

    def rate(row: dict[str, Any]) -> str:
        limits = "" if row["low"] is None else f" ({100 * row['low']:.0f} to {100 * row['high']:.0f})"
        return f"{100 * row['rate']:.0f} %{limits} of {row['n']}"

    return f"{said}\nSucceeded: {rate(outcome['all'])} runs; without faults of the user {rate(outcome['without'])}."


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


def learn_summary(found: dict[str, Any]) -> str:
    """What a training run made, or would be made from."""
    if found["method"] == "ttrl":
        return _votes_summary(found)
    if found["method"] == "dro":
        return _thoughts_summary(found)
    if found["method"] == "consistency":
        return _personas_summary(found)
    rows = [("file", "trained on", "user turns", "held out", "licence")]
    for row in found["data"]:
        licences = ", ".join(name or "none stated" for name in row["licences"])
        rows.append((row["file"], str(row["train"]), str(row["train_turns"]), str(row["held_out"]), licences))
    if found.get("dry_run"):
        missing = f"Not installed yet: {', '.join(found['missing'])}." if found["missing"] else "Ready to train."
        return f"{found['name']} would be trained on\n{table(rows)}\n{missing}"
    training, adapter = found["training"], found["adapter"]
    lines = [
        f"{training['steps']} steps, {training['tokens']} tokens at {training['tokens_per_second']:.0f}/s",
        table(rows),
        *(
            f"Held-out loss, {name}: {x['before']['point']:.3f} before, {x['after']['point']:.3f} after"
            for name, x in found["held_out"].items()
        ),
    ]
    if words := found.get("words"):
        adapter_share, bare_share = words["adapter"]["point"], words["bare"]["point"]
        lines.append(f"Every required value said: {adapter_share:.0%} of single samples, {bare_share:.0%} without it")
    lines += [f"Alarm: {a}" for a in found["alarms"]]
    path = f"{found['folder']}/{adapter['file']}"
    use = f"--model embedded:{path}" if found["base"]["embedded"] else "with its own base; the embedded one refuses it"
    lines += [f"Adapter: {path}, {adapter['bytes']} bytes; use it: {use}", f"Report: {found['report']}"]
    return "\n".join(lines)


def _votes_summary(found: dict[str, Any]) -> str:
    asked = found["questions"]
    lines = [
        f"{asked['voted']} questions to vote on, {asked['gold']} with known answers to judge the votes, "
        f"{asked['warm']} taught first; {asked['too_long']} too long"
    ]
    if found.get("dry_run"):
        missing = f"Not installed yet: {', '.join(found['missing'])}." if found["missing"] else "Ready to train."
        return "\n".join([*lines, missing])
    before, after, over, fates = (found[k] for k in ("before", "after", "over_first_vote", "fates"))
    training = found["training"]
    lines += [
        f"Right answers: {before['right']:.3f} before, {after['right']:.3f} after {training['steps']} steps; the first "
        f"vote was right on {before['voted_right']:.3f}",
        f"After less the first vote: {over['point']:+.3f} ({over['low']:+.3f} to {over['high']:+.3f})",
        "Majority " + ", ".join(f"{name} {n}" for name, n in fates.items()),
    ]
    if training.get("stopped"):
        lines.append(f"Stopped by an alarm: {training['stopped']}")
    return "\n".join([*lines, f"Adapter: {found['folder']}/{found['adapter']['file']}"])


def _thoughts_summary(found: dict[str, Any]) -> str:
    lines = [f"{found['turns']['trained']} human turns to foresee, {found['turns']['held_out']} of held-out sessions"]
    if found.get("dry_run"):
        missing = f"Not installed yet: {', '.join(found['missing'])}." if found["missing"] else "Ready to train."
        return "\n".join([*lines, missing])
    first, last, gain = found["looks"][0], found["looks"][-1], found["gain"]
    span = "" if gain["low"] is None else f" ({gain['low']:+.3f} to {gain['high']:+.3f})"
    return "\n".join([
        *lines,
        f"What people said next, log-probability a token: {first['score']:.3f} before, {last['score']:.3f} after "
        f"{found['training']['steps']} steps and {found['training']['drawn']} thoughts, {gain['point']:+.3f}{span}; "
        f"behind no thought {last['no_thought']:.3f}",
        f"Tokens of a thought: {first['tokens']:.1f} before, {last['tokens']:.1f} after",
        f"Adapter: {found['folder']}/{found['adapter']['file']}",
    ])  # fmt: skip


def _personas_summary(found: dict[str, Any]) -> str:
    p = found["personas"]
    lines = [
        f"{p['train']} personas to train on, {p['held_out']} held out, {p['left_out']} too long; "
        + (", ".join(row["file"] for row in found["data"]) or "assay's own")
    ]
    if found.get("dry_run"):
        missing = f"Not installed yet: {', '.join(found['missing'])}." if found["missing"] else "Ready to train."
        return "\n".join([*lines, missing])
    m, training = found["measured"], found["training"]
    rows = [("held-out personas", "frozen weights", "start", "after", "after less start")]
    for name in m["after"]:
        rows.append((name, *(_figure(m[c][name]) for c in ("frozen", "before", "after", "difference"))))
    lines += [
        f"{training['steps']} steps in {training['seconds']:.0f} s, speaking {training['speaking_share']:.0%} of it",
        f"Read by {found['judges']['evaluation']}, {m['sessions']} sessions", table(rows),
    ]  # fmt: skip
    if training.get("stopped"):
        lines.append(f"Stopped by an alarm: {training['stopped']}")
    return "\n".join([*lines, f"Adapter: {found['folder']}/{found['adapter']['file']}", f"Report: {found['report']}"])


def _figure(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not read"
    return f"{found['point']:.3f}" + ("" if found["low"] is None else f" ({found['low']:.3f} to {found['high']:.3f})")


def gap_summary(found: dict[str, Any], directory: Path) -> str:
    """What knowing too much changed, and which labels survived it."""
    arms = [a for a, row in found["arms"].items() if row["error"] is None]
    rows = [("measure", *arms)]
    for m in found["measures"]:
        cells = [m["arms"].get(a) for a in arms]
        rows.append((m["title"], *("-" if c is None else f"{c['value']:.3g}" for c in cells)))
    lived = [("label", "mode", "agrees", "noise floor", "lower limit", "survives")] + [
        (
            s["name"], s["mode"], f"{s['agreement']:.2f}", f"{s['noise']:.2f}",
            "-" if s["lower"] is None else f"{100 * s['lower']:+.1f} points", "yes" if s["survives"] else s["reason"],
        )
        for s in found["survival"] or ()
    ]  # fmt: skip
    lost = [f"  {a}: {', '.join(row['missing'])} missing" for a, row in found["arms"].items() if row["missing"]]
    lines = [
        f"{found['scenarios']} scenarios, words by {found['model']}",
        table(rows),
        *lost,
        table(lived) if len(lived) > 1 else "",
        *_regime_lines(found.get("regimes")),
        *([f"differs: {line}" for line in found["differs"]] or ["nothing that so many scenarios could show"]),
        f"Page: {directory / 'gap.html'}",
    ]
    return "\n".join(line for line in lines if line)


def _regime_lines(regimes: dict[str, Any] | None) -> list[str]:
    if not regimes:
        return []
    rows = [("read blind as drawn", "controlled", "conditioned")] + [
        (name, *("-" if r[k] is None else f"{r[k]['value']:.2f}" for k in ("controlled", "conditioned")))
        for name, r in regimes["names"].items()
    ]
    return [table(rows)]


def consensus_summary(found: dict[str, Any], out: Path) -> str:
    """What was made of the votes, in words."""
    lines = [
        f"{found['items']} items, {found['annotators']} annotators, {found['votes']} votes, {found['method']}:",
        f"  {found['effective_annotators']:.1f} effective annotators, mean probability {found['mean_probability']:.3f}"
        if found["effective_annotators"] is not None
        else f"  largest set of texts: mean share {found['mean_probability']:.3f}, cosine {found['mean_cosine']:.2f}",
    ]
    if "accuracy" in found:
        lines.append(
            f"  on {found['gold']:.0f} gold labels: accuracy {found['accuracy']:.3f}, "
            f"log loss {found['log_loss']:.3f}, "
            f"calibration error {found['ece']:.3f} ({found['excess_ece']:+.3f} beyond chance)"
        )
    lines += [f"  {note}" for note in found["notes"]]
    return "\n".join([*lines, f"Posterior: {out}"])


def reliability_summary(found: dict[str, Any]) -> str:
    """Agreement beside what chance gives, in words."""
    value, ci, control = found["value"], found["ci"], found["permuted"]
    name = found["statistic"] + (f" ({found['metric']})" if found.get("metric") else "")
    told = "not defined: nothing varies" if value is None else f"{value:.4f}"
    lines = [f"{name}: {told}" + (f", 95 % {ci[0]:.4f} to {ci[1]:.4f}" if ci else "")]
    if found["items"] is not None:
        lines[0] += f"; {found['items']} items, {found['raters']} raters"
    if control:
        low, high = control["range"]
        lines.append(f"  by chance: mean {control['mean']:.4f}, 95 % {low:.4f} to {high:.4f}, p = {control['p']:.4g}")
    for key in ("omega_total", "omega_hierarchical", "alpha", "alpha_of_shuffled"):
        if found.get(key) is not None:
            lines.append(f"  {key.replace('_', ' ')}: {found[key]:.4f}")
    if found.get("shares"):
        rows = [("variance of one reading", "share")]
        rows += [(k, f"{v:.3f}") for k, v in sorted(found["shares"].items(), key=lambda kv: -kv[1])]
        lines.append(table(rows))
    if found.get("by_name"):
        heads = ("label", "labels", "alpha", "one answer", "all answers", "item", "way of asking")
        lines.append(table([heads, *(_reread(name, row) for name, row in found["by_name"].items())]))
    lines += [f"  {note}" for note in found["notes"]]
    return "\n".join([*lines, *([f"Warning: {found['warning']}"] if "warning" in found else [])])


def _reread(name: str, row: dict[str, Any]) -> tuple[str, ...]:
    """One label name of a reader that was asked again."""

    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}"

    shares = row.get("shares", {})
    alpha = row.get("krippendorff", {}).get("value")
    asking = sum(v for k, v in shares.items() if k != "item") if shares else None
    parts = (alpha, row.get("dependability"), row.get("dependability_of_all"), shares.get("item"), asking)
    return (name, str(row["labels"]), *(shown(p) for p in parts))


def diff_summary(found: dict[str, Any], limit: int) -> str:
    """Which labels moved between two folders, in words."""
    moved = found["moved"]
    lines = [f"{side.upper()}  {found[side]['directory']}  verifier {found[side]['verifier']}" for side in ("a", "b")]
    alone = [f"{found[f'only_{side}']} only in {side.upper()}" for side in ("a", "b") if found[f"only_{side}"]]
    n = found["moved_in_all"]
    lines.append(", ".join([f"{n} of {found['labels']} labels moved", *alone]))
    for name, moves in found["tiers"].items():
        lines.append(f"  {name}: " + ", ".join(f"{n} {move}" for move, n in moves.items()))
    for row in moved[:limit]:
        where = row["session"] if row["turn"] is None else f"{row['session']} turn {row['turn']}"
        what = "; ".join(f"{key} {_short(old)} -> {_short(new)}" for key, (old, new) in row["changed"].items())
        lines += [f"  {where} {row['name']}: {what or 'verdicts only'}", f"    {row['why']}"]
    if n > limit:
        lines.append(f"  ... and {n - min(limit, len(moved))} more (--limit, --json)")
    return "\n".join(lines)


def _short(value: Any) -> str:
    text = "none" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
