"""What `assay init --from` writes: a re-weighted blueprint, or a part with a policy and priors over core acts.

The same sessions give the same bytes. Nothing of the sessions' texts, ids, slots or values is written: only core acts,
counts, and the names of sets and licences.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from assay.authoring.fitting import FittedPolicy
from assay.authoring.heldout import HeldOut
from assay.authoring.reweighting import RowChange
from assay.authoring.steps import Corpus
from assay.records.blueprint import Blueprint
from assay.stats.intervals import Interval

WIDTH = 110
"""Longest line of a comment."""


def figures(found: HeldOut) -> list[str]:
    """Held-out log-likelihood as lines of text."""
    lines = [
        f"held-out log-likelihood per user turn, nats (95 % by session), {found.turns} turns of {found.sessions} "
        f"sessions left out by {found.split}:"
    ]
    if found.unscored:
        lines[0] = lines[0][:-1] + f" ({found.unscored} sessions straddle folds and are not scored):"
    for name, interval in found.nats.items():
        lines.append(f"  {name:<26}{_interval(interval)}")
    for name, interval in found.gain.items():
        lines.append(f"  fitted minus {name:<24}{_interval(interval, sign=True)}")
    lines.append(
        "  whole turn (set of acts):  "
        + ", ".join(f"{name} {_interval(interval)}" for name, interval in found.whole.items())
    )
    for name, floor in found.floor.items():
        lines.append(
            f"  {name}: counted in its own simulated sessions, over the {found.acts} core acts that the labels name, "
            f"{floor:.0%} uniform; alone it gives no chance to {found.impossible[name]:.0%} of the turns"
        )
    return lines


def _interval(interval: Interval, sign: bool = False) -> str:
    form = "+.3f" if sign else ".3f"
    if interval.low is None or interval.high is None:
        return f"{interval.point:{form}} (too few sessions for an interval)"
    return f"{interval.point:{form}} ({interval.low:{form}} to {interval.high:{form}})"


def header(corpus: Corpus, policy: FittedPolicy, found: HeldOut) -> list[str]:
    """The comment at the top: how many sessions, of what, under which licence, and the held-out figures."""
    lines = [
        f"Policy fitted from {policy.sessions} labelled sessions ({policy.turns} user turns) by assay init --from.",
        f"sources: {_named(corpus.sources)}",
        f"licences of the sessions: {_named(corpus.licences)} (this file holds shares and counts, none of the text)",
        f"acts that the labels name: {', '.join(policy.acts)}",
    ]
    if corpus.silent_turns:
        lines.append(f"{corpus.silent_turns} of {corpus.user_turns} user turns name no core act: heard, not fitted")
    if corpus.read_turns:
        lines.append(f"{corpus.read_turns} assistant turns without labels were read by the reader of core acts")
    return [*lines, *figures(found)]


def _named(counts: Mapping[str, int]) -> str:
    """Names with counts, most frequent first, at most five; one line, whatever the names hold."""
    listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{' '.join(name.split())[:80]} ({n})" for name, n in listed[:5])
    return shown + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")


def _comment(lines: Sequence[str]) -> Iterator[str]:
    """Lines as YAML comments; control characters and line ends cannot break out of them."""
    for line in lines:
        clean = "".join(c if c.isprintable() else " " for c in line)
        yield f"# {clean}".rstrip()


def part_text(corpus: Corpus, policy: FittedPolicy, found: HeldOut) -> str:
    """The YAML part: `policy:` over core acts and `priors:` with the frequencies, commented."""
    lines = [*_comment(header(corpus, policy, found)), "#"]
    lines += _comment(
        [
            "A part, not a whole blueprint: acts are core acts. To use it, put your own acts (those `like` the core",
            "act) in their place, or let assay move the shares of a blueprint that you have:",
            "assay init --from SESSIONS --like BLUEPRINT --out FILE",
        ]
    )
    lines += ["", "policy:"]
    for row in policy.to_rows():
        when = f"when: {_flow(row['when'])}, " if row["when"] else ""
        lines.append(f"  - {{{when}do: {_flow(row['do'])}}}  # {row['turns']:.0f} turns")
    counts = policy.counts
    total = sum(counts.acts.values())
    lines += ["", "priors:", "  # share of each act, whatever was said before"]
    lines.append(f"  acts: {_flow({a: round(counts.acts[a] / total, 4) for a in policy.acts})}")
    for name, words, table in (
        ("acts_per_turn", "acts in a user turn", counts.acts_per_turn),
        ("slots_per_inform", "slots told in a user turn that tells any", counts.slots_per_inform),
        ("user_turns", "user turns of a session", counts.user_turns),
    ):
        if table:
            n = sum(table.values())
            lines += [f"  # {words}", f"  {name}: {_flow({k: round(table[k] / n, 4) for k in sorted(table)})}"]
    lines.append("  # after user turn k, given that it was reached, the session is over with probability")
    lines.append(f"  ends_after: {_flow({k: round(p, 4) for k, p in counts.hazard().items()})}")
    return "\n".join(lines) + "\n"


def _flow(table: Mapping[Any, Any]) -> str:
    """A mapping on one line, as YAML that reads back the same."""
    text: str = yaml.safe_dump(dict(table), default_flow_style=True, sort_keys=False, width=10_000)
    return text.strip()


def blueprint_text(text: str, blueprint: Blueprint, changes: Sequence[RowChange], head: Sequence[str]) -> str:
    """The YAML of a blueprint with the shares of its moved rows replaced in place, comments and order kept.

    `text` is the YAML that `blueprint` was read from. A file with anchors is written anew, without its comments: a row
    may stand in two places there.
    """
    about = "\n".join([*_comment([*head, *_notes(changes)]), "#"]) + "\n"
    text = text.removeprefix("\ufeff")
    if any(isinstance(token, yaml.AnchorToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
        whole = blueprint.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return about + yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=WIDTH)
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    policy = next(value for key, value in root.value if key.value == "policy")
    nodes = [next(value for key, value in row.value if key.value == "do") for row in policy.value]
    for change, node in reversed(list(zip(changes, nodes, strict=True))):
        if not change.left:
            start, end = _span(node)
            text = f"{text[:start]}{_flow(change.after)}{text[end:]}"
    return about + text


def _span(node: Any) -> tuple[int, int]:
    """Where the shares of a row stand in the text; a block ends with its last share, not with the comments after it."""
    last = node.value[-1]
    end = node if node.flow_style else last[1] if isinstance(last, tuple) else last
    return node.start_mark.index, end.end_mark.index


def _notes(changes: Sequence[RowChange]) -> Iterator[str]:
    """What was done to the policy, row by row."""
    moved = [c for c in changes if not c.left]
    yield f"{len(moved)} of {len(changes)} rows of the policy were moved to people's shares (rows counted from 0):"
    for c in moved:
        was = ", ".join(f"{a} {p:.2f} -> {c.after[a]:.2f}" for a, p in c.before.items())
        yield f"  row {c.row}: {c.turns:.0f} turns; {was}"
    for c in changes:
        if c.missing:
            share = ", ".join(f"{a} {p:.0%}" for a, p in sorted(c.missing.items(), key=lambda x: (-x[1], x[0])))
            yield f"  row {c.row}: people also do what it has no act for: {share}"
