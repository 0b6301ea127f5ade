"""audit of more sessions than are held at once: read in a stream, checked part by part, gone on with after a stop."""

import heapq
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assay.certification.costs import not_requested
from assay.certification.trust import assemble
from assay.door.checking import READ_OUT_OF_FOLD, offline_verifier, verifier_version
from assay.door.large_folder import SAMPLE
from assay.door.trusting import certificate_of, report, summary, write_certificate
from assay.errors import BadInput
from assay.models.hosting import each
from assay.records.label import Label, labels_of
from assay.records.parts import PART, WHOLE_FILE, in_parts, joined, part_path, parts_of, read_part, write_part
from assay.records.session import Session
from assay.records.storage import write_json, write_rows
from assay.records.verdict import Verdict
from assay.runs.engine import Progress
from assay.runs.folder import RunFolder
from assay.stats.intervals import cluster_mean
from assay.verification.account import account_for
from assay.verification.fidelity.fault import brief_key, interval_row, success, user_fault
from assay.verification.label_errors import auditable, find_label_errors

MOST_AT_ONCE = 5_000
"""Sessions up to which all are held and checked as one corpus."""
SHOWN = 500
"""Sessions of the seeded random sample: what the report and measured power are about."""
WORST = 100
"""Sessions that worst.json names."""
TABLES_OF_AUDIT = ("sessions", "verdicts", "labels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What of an audit is asked for."""

    codes: frozenset[str]
    labels: tuple[str, ...] | None
    seed: int
    power: Callable[[Sequence[Session]], dict[str, Any] | None]
    """Measures the power of the checks on a sample."""
    planned: Callable[[Sequence[Session], int], dict[str, Any]]
    """Tells the plan from the sample and the number of all sessions."""
    progress: Progress
    reads: Mapping[str, Label] = field(default_factory=dict)
    """Label id -> the label as people read it before, where their words stand on."""


@dataclass(slots=True)
class Totals:
    """What is added up over the parts."""

    by_name: dict[str, dict[str, float]] = field(default_factory=dict)
    checks: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: list[tuple[bool, bool, str]] = field(default_factory=list)
    """(succeeded, no fault of the user that counts, brief) of sessions where both are known."""
    labels: int = 0
    worst: list[tuple[float, float, float, str]] = field(default_factory=list)
    """Heap of (rejected, contradicted, share below provisional, session)."""

    def add(self, sessions: Sequence[Session], verdicts: Sequence[Verdict], labels: Sequence[Label]) -> None:
        """Count one part."""
        found = summary(labels, verdicts, sessions, 0.0)
        self.labels += found["labels"]
        for name, row in found["by_name"].items():
            held = self.by_name.setdefault(name, dict.fromkeys(row, 0))
            for key in row:
                held[key] += row[key] * row["n"] if key == "mean_rank" else row[key]
        for code, counts in found["checks"].items():
            self.checks[code].update(counts)
        faults = user_fault(sessions, verdicts)
        self.faults.update(faults.counts)
        for s in sessions:
            done = success(s)
            if done is not None and s.id in faults.by_session:
                self.outcomes.append((done, faults.by_session[s.id] in ("none", "minor"), brief_key(s)))
        self._rank(labels)

    def _rank(self, labels: Sequence[Label]) -> None:
        bad: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
        for x in labels:
            row = bad[x.session]
            row[0] += x.tier == "rejected"
            row[1] += "contradicted" in x.verdicts.values()
            row[2] += x.tier in ("suspect", "rejected")
            row[3] += 1
        for session, (rejected, contradicted, below, n) in bad.items():
            entry = (rejected, contradicted, round(below / n, 6), session)
            (heapq.heappush if len(self.worst) < WORST else heapq.heappushpop)(self.worst, entry)

    def rows(self) -> dict[str, Any]:
        """The JSON summary of all parts."""
        by_name: dict[str, dict[str, float]] = {}
        for name, row in sorted(self.by_name.items()):
            by_name[name] = {**row, "mean_rank": float(f"{row['mean_rank'] / row['n']:.6g}")}
        checks = {code: dict(counts) for code, counts in sorted(self.checks.items())}
        found: dict[str, Any] = {"labels": self.labels, "by_name": by_name, "checks": checks}
        found["user_fault"] = {k: self.faults[k] for k in ("none", "helped", "hindered", "minor")}
        if self.outcomes:
            kept = [row for row in self.outcomes if row[1]]
            found["outcome_without_user_fault"] = {
                "all": _share(self.outcomes),
                "without": _share(kept) if kept else None,
                "failed": sum(not o for o, _, _ in self.outcomes),
            }
        return found


def _share(outcomes: Sequence[tuple[bool, bool, str]]) -> dict[str, Any]:
    """Share of successes with its interval, runs of one brief as one cluster."""
    return interval_row(cluster_mean([float(done) for done, _, _ in outcomes], [brief for *_, brief in outcomes]))


def audit_large(
    folder: RunFolder, sessions: Iterable[Session], counts: Callable[[], dict[str, Any]], ask: Ask
) -> dict[str, Any]:
    """Audit a stream of sessions in parts of PART sessions; returns the summary of all.

    Each part is checked as a corpus of its own, in the file's order: whatever a check learns from other sessions
    (readers of given labels, words that everybody says, sessions alike) it learns from that part. Power and the report
    are of one seeded random sample of all sessions. Parts that are finished are not made again, so that the same call
    goes on after a stop at any moment. Raises BadInput for labels that the sample does not let audit.
    """
    began = time.monotonic()
    if folder.is_done("audit") and folder.has("audit.json"):
        return dict(folder.json("audit.json"))
    if not folder.is_done("import"):
        keep(folder, sessions, ask.progress)
        folder.stage_done("import", **counts())
    imported = {k: v for k, v in folder.run()["stages"]["import"].items() if k != "done"}
    total = int(imported["sessions"]) - int(folder.run().get("forgotten", 0))
    chosen = _sample(folder, total, ask.seed)
    plan = ask.planned(chosen, total)
    _check_names(chosen, ask.labels)
    skipped = _verify(folder, ask, total)
    power = folder.json("power.json") if folder.has("power.json") else ask.power(chosen)
    if power is not None:
        power["of_sessions"] = total
        write_json(folder.file("power.json"), power)
    totals, sampled = _label(folder, power, frozenset(s.id for s in chosen), ask)
    certificate = not_requested(sampled[1], before=certificate_of(folder))
    write_certificate(folder, certificate)
    _write_worst(folder, totals)
    path = _report(folder, chosen, sampled, total)
    _one_file_each(folder, total)
    found = {
        "sessions": total, **totals.rows(), "seconds": round(time.monotonic() - began, 2), "import": imported,
        "not_checked": [{"name": k, "reason": v} for k, v in sorted(skipped.items())], "plan": plan, "readings": [],
        "judges": [], "certificate": certificate.status, "report": str(path),
        "parts": {"sessions_each": PART, "parts": -(-total // PART), "report_is_about": len(chosen)},
    }  # fmt: skip
    write_json(folder.file("audit.json"), found)
    folder.stage_done("audit", n=total)
    if total <= WHOLE_FILE:
        for table in TABLES_OF_AUDIT:
            shutil.rmtree(folder.file(table))
    return found


def keep(folder: RunFolder, sessions: Iterable[Session], progress: Progress) -> None:
    """Write a stream of sessions as parts of PART."""
    n = 0
    for number, held in enumerate(in_parts(sessions)):
        write_part(part_path(folder.path, "sessions", number), held, Session)
        n += len(held)
        progress("import", n, n + 1, "reading")
    progress("import", n, n)


def _sample(folder: RunFolder, total: int, seed: int) -> list[Session]:
    """A seeded random sample of all sessions, in their order."""
    rng = np.random.default_rng([seed, 0x5A3B])
    places = {int(i) for i in rng.choice(total, size=min(SHOWN, total), replace=False)}
    found: list[Session] = []
    at = 0
    for path in parts_of(folder.path, "sessions"):
        for session in read_part(path, Session):
            if at in places:
                found.append(session)
            at += 1
    return found


def _check_names(chosen: Sequence[Session], asked: tuple[str, ...] | None) -> None:
    names, skipped = auditable(chosen)
    if unknown := set(asked or ()) - set(names):
        detail = "; ".join(f"{n}: {skipped.get(n, 'no such label')}" for n in sorted(unknown))
        raise BadInput(f"these labels cannot be audited: {detail}", now=f"one of {', '.join(names) or 'none'}")


def _verify(folder: RunFolder, ask: Ask, total: int) -> dict[str, str]:
    """Verdicts of every part that has none yet; returns names that LB06 reads in no part, with the reason."""
    skipped: dict[str, str] = {}
    read: set[str] = set()
    parts = parts_of(folder.path, "sessions")
    done = 0

    def unchecked() -> Iterator[_Part]:
        nonlocal done, skipped, read
        for number, path in enumerate(parts):
            sessions = list(read_part(path, Session))
            names, why = auditable(sessions)
            if ask.labels is not None:
                names = [n for n in names if n in ask.labels]
            read |= set(names)
            skipped |= why
            if part_path(folder.path, "verdicts", number).exists():
                done += len(sessions)
            else:
                yield _Part(number, sessions, names, ask.codes, ask.seed)

    for number, n, verdicts in each(_check_part, unchecked()):
        write_part(part_path(folder.path, "verdicts", number), verdicts, Verdict)
        done += n
        ask.progress("verify", done, total, f"part {number + 1} of {len(parts)}")
    skipped = {n: why for n, why in skipped.items() if n not in read}
    folder.stage_done("verify", checks=sorted(ask.codes), verifier=verifier_version(), not_checked=skipped,
                      parts=len(parts))  # fmt: skip
    return skipped


@dataclass(frozen=True, slots=True)
class _Part:
    """What the checks of one part need: sent to whoever does them."""

    number: int
    sessions: list[Session]
    names: list[str]
    codes: frozenset[str]
    seed: int


def _check_part(part: _Part) -> tuple[int, int, list[Verdict]]:
    """(number, sessions, verdicts) of one part, a corpus of its own."""
    verdicts = offline_verifier(None, part.seed, part.codes - {"LB06"})(part.sessions)
    if "LB06" in part.codes and part.names:
        verdicts += find_label_errors(part.sessions, part.names, part.seed, None, None, part.codes & READ_OUT_OF_FOLD)
    return part.number, len(part.sessions), account_for(verdicts, part.sessions, part.codes)


def _label(
    folder: RunFolder, power: dict[str, Any] | None, chosen: frozenset[str], ask: Ask
) -> tuple[Totals, tuple[list[Verdict], list[Label]]]:
    """Labels of every part, what is counted over all, and (verdicts, labels) of the sample."""
    totals, verdicts_kept, labels_kept = Totals(), list[Verdict](), list[Label]()
    parts = parts_of(folder.path, "sessions")
    for number, path in enumerate(parts):
        sessions = list(read_part(path, Session))
        verdicts = list(read_part(part_path(folder.path, "verdicts", number), Verdict))
        givens = [g for s in sessions for g in labels_of(s)]
        labels = assemble(givens, verdicts, power, {s.id: s.mode for s in sessions})
        labels = [
            x.model_copy(update={"read": ask.reads[x.id].read})
            if x.id in ask.reads and ask.reads[x.id].value == x.value else x for x in labels
        ]  # fmt: skip
        write_part(part_path(folder.path, "labels", number), labels, Label)
        totals.add(sessions, verdicts, labels)
        verdicts_kept += [v for v in verdicts if v.session in chosen]
        labels_kept += [x for x in labels if x.session in chosen]
        ask.progress("labels", number + 1, len(parts))
    return totals, (verdicts_kept, labels_kept)


def _write_worst(folder: RunFolder, totals: Totals) -> None:
    """worst.json: the worst sessions of all, as the report ranks them."""
    rows = [
        {"session": s, "rejected": int(r), "contradicted": int(c), "share_below_provisional": b}
        for r, c, b, s in sorted(totals.worst, key=lambda e: (-e[0], -e[1], -e[2], e[3]))
    ]
    write_json(folder.file("worst.json"), {"schema": 1, "sessions": rows})


def _report(
    folder: RunFolder, chosen: Sequence[Session], sampled: tuple[list[Verdict], list[Label]], total: int
) -> Path:
    """The page about the sample, which is a run folder of its own; moved to where a report is looked for."""
    home = folder.file(SAMPLE)
    write_rows(home / "sessions.jsonl", chosen)
    write_rows(home / "verdicts.jsonl", sampled[0])
    write_rows(home / "labels.jsonl", sampled[1])
    for name in ("power.json", "certificate.json"):
        if folder.has(name):
            write_json(home / name, folder.json(name))
    run = folder.run()
    write_json(home / "run.json", {**run, "sampled": {"sessions": len(chosen), "of": total}})
    path = report(home)
    target = folder.file("report.html")
    path.replace(target)
    return target


def _one_file_each(folder: RunFolder, total: int) -> None:
    """Up to WHOLE_FILE sessions a table is one file, as in a smaller run; made last, so that a stop loses nothing."""
    if total > WHOLE_FILE:
        return
    for table in TABLES_OF_AUDIT:
        joined(folder.path, table, folder.file(f"{table}.jsonl"))
