"""The card of a dataset: what the labels are, how far they can be trusted, how it was made, and what it is not."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.records import Certificate, Label, Session

MEANS = {
    "certified": "people's answers bound the error of these labels (the claim is below)",
    "provisional": "an independent reader agrees, none disagrees, and planted faults show that it would notice",
    "suspect": "unchecked, or something is missing or disagrees",
    "rejected": "a deterministic rule fails, or two independent checks contradict",
}
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a card says of a run."""

    sessions: Sequence[Session]
    labels: Sequence[Label]
    """All labels of the run, exported or not."""
    tiers: tuple[str, ...]
    """Tiers that are exported."""
    certificate: Certificate | None = None
    run: Mapping[str, Any] = field(default_factory=dict)
    """run.json."""
    licence: str | None = None
    """Licence that the exporter states for the whole."""
    data_file: str = "data.jsonl"
    private: bool = True


def card(about: About) -> str:
    """README.md of the dataset: a YAML header that dataset hubs read, then plain words."""
    parts = [
        _header(about),
        _title(about),
        _labels(about),
        _certificate(about),
        _how(about),
        _limits(about),
        _load(about),
    ]
    return "\n\n".join(parts) + "\n"


def _yaml(value: str) -> str:
    """A YAML scalar that no text can break out of: JSON strings are YAML."""
    return json.dumps(value, ensure_ascii=True)


def _header(about: About) -> str:
    languages = sorted({s.language for s in about.sessions} - {"und"}) or ["und"]
    size = next((name for most, name in SIZES if len(about.sessions) < most), "n>1M")
    lines = ["---", f"pretty_name: {_yaml(name_of(about))}", f"license: {_yaml(licence_of(about))}", "language:"]
    lines += [f"- {_yaml(tag)}" for tag in languages]
    lines += [
        "tags:",
        *(["- synthetic"] if any(s.authored for s in about.sessions) else []),
        "- dialogue",
        "- simulated-users",
        "- assay",
    ]
    lines += [
        "size_categories:",
        f"- {size}",
        "configs:",
        "- config_name: default",
        f"  data_files: {_yaml(about.data_file)}",
        "---",
    ]
    return "\n".join(lines)


def licence_of(about: About) -> str:
    """As stated by the exporter, else the one licence of all sessions, else `other` (several) or `unknown`."""
    if about.licence:
        return about.licence
    found = {s.licence for s in about.sessions}
    if found <= {None}:
        return "unknown"
    return next(iter(found)) or "unknown" if len(found) == 1 else "other"


def name_of(about: About) -> str:
    """Name of the dataset: the blueprint's title, or the sessions' source."""
    book = about.run.get("blueprint")
    if isinstance(book, Mapping) and book.get("title"):
        return str(book["title"])
    return next((s.source for s in about.sessions if s.source), None) or "Labelled sessions"


def _title(about: About) -> str:
    kept = sum(label.tier in about.tiers for label in about.labels)
    made = "simulated" if about.sessions and all(s.authored for s in about.sessions) else "imported"
    return (
        f"# {_plain(name_of(about))}\n\n{len(about.sessions):,} {made} user sessions with {kept:,} of "
        f"{len(about.labels):,} labels: "
        f"those of tier {' or '.join(about.tiers)}. Each label carries its tier; a session keeps all its turns, and "
        "`labels_left_out` counts its labels that were left out."
    )


def _labels(about: About) -> str:
    by_name: dict[str, Counter[str]] = {}
    for label in about.labels:
        by_name.setdefault(label.name, Counter())[label.tier] += 1
    lines = [
        "## Labels",
        "",
        "| name | certified | provisional | suspect | rejected | in this dataset |",
        "|---|---|---|---|---|---|",
    ]
    for name, tiers in sorted(by_name.items()):
        cells = " | ".join(str(tiers[t]) for t in MEANS)
        lines.append(f"| {_plain(name)} | {cells} | {sum(tiers[t] for t in about.tiers)} |")
    lines += ["", *(f"- **{tier}**: {words}." for tier, words in MEANS.items())]
    lines += [
        "",
        "`rank_score` orders labels and is no probability. `trust` is a probability where it was measured, else null.",
    ]
    return "\n".join(lines)


def _certificate(about: About) -> str:
    certificate = about.certificate
    if certificate is None or certificate.status == "not_requested":
        cost = (certificate.plan.get("sentence") if certificate else None) or ""
        none = "None: nobody has answered a sample of this run, so no label is certified."
        return f"## Certificate\n\n{none} {cost}".rstrip()
    lines = ["## Certificate", "", f"Status: {certificate.status}."]
    for claim in certificate.claims:
        bound = f"; upper limit of the error {100 * claim.bound:.3g} %" if claim.bound is not None else ""
        word = "granted" if claim.granted else "refused"
        lines.append(
            f"- {_plain(claim.name)} ({word}; {claim.wrong} wrong of {claim.n_answers} answers{bound}): "
            f"{_plain(claim.reason)}"
        )
    lines += [f"- Assumes: {_plain(a)}." for a in certificate.assumes]
    return "\n".join(lines)


def _how(about: About) -> str:
    run = about.run
    config = run.get("config") or run.get("resolved") or {}
    facts = [("made by", f"assay {run.get('version') or config.get('version') or ''}".strip())]
    book = run.get("blueprint")
    if isinstance(book, Mapping):
        facts.append(("blueprint", f"{book.get('name')}, sha256 {book.get('hash')}"))
    facts += [(k, str(config[k])) for k in ("model", "assistant", "seed") if config.get(k) is not None]
    if isinstance(run.get("models"), Mapping):
        facts += [(f"model of the {k}", str(v)) for k, v in run["models"].items()]
    modes = Counter(s.mode or "imported" for s in about.sessions)
    facts.append(("mode", ", ".join(f"{m} ({n})" for m, n in sorted(modes.items()))))
    turns = [t for s in about.sessions for t in s.turns if t.speaker == "user" and t.realised_by]
    if turns:
        worded = Counter(str(t.realised_by) for t in turns)
        facts.append(("user turns worded by", ", ".join(f"{k} ({n} of {len(turns)})" for k, n in worded.most_common())))
    lines = [f"- {k}: {_plain(v)}" for k, v in facts]
    authored = (
        "Every label of these sessions was drawn before any text existed; a state machine decided what the user "
        "does, and "
        "a language model only put it into words."
    )
    return "\n".join(
        ["## How it was made", "", *([authored, ""] if any(s.authored for s in about.sessions) else []), *lines]
    )


def _limits(about: About) -> str:
    lines = ["## Known limits", ""]
    if any(s.authored for s in about.sessions):
        lines.append(
            "- Simulated users are not people: shares of goals and acts are the blueprint's, not a population's."
        )
    if "certified" not in {label.tier for label in about.labels}:
        lines.append(
            "- No label is certified; how many provisional ones are wrong was not measured on people's answers."
        )
    lines.append("- A missing label is one that could not be trusted, not one that does not hold.")
    unread = sorted({x.name for x in about.labels} - {x.name for x in about.labels if x.tier in about.tiers})
    if unread:
        lines.append(f"- No label of these names is in the dataset: {', '.join(map(_plain, unread))}.")
    if about.private:
        lines.append(
            "- `private` holds what one party knew and the other did not: never show it to the system under test."
        )
    if licence_of(about) in ("unknown", "other"):
        lines.append("- The licence of the text was not stated, or differs by session: see `licence` of each row.")
    return "\n".join(lines)


def _load(about: About) -> str:
    if not about.data_file.startswith("data."):
        return f"## Use\n\n`{about.data_file}` is in the form of the tool it was exported for."
    kind = "parquet" if about.data_file.endswith(".parquet") else "json"
    call = f'load_dataset("{kind}", data_files="{about.data_file}")'
    return f"## Use\n\n```python\nfrom datasets import load_dataset\n\n{call}\n```"


def _plain(text: str) -> str:
    """Text from a run as Markdown that says just that: no markup, no table breaks, one line."""
    flat = " ".join(str(text).split())
    return "".join(f"&#{ord(c)};" if c in "<>&|[]`*" else c for c in flat)
