"""The annotators of `assay label`: who they are, what they read, and their readings kept in the folder."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.door.judging import judge_of, price_of
from assay.door.making import check_models, core_reader
from assay.door.options import Plan
from assay.door.running import write_usage
from assay.errors import BadInput
from assay.records.base import digest, rounded
from assay.records.core_acts import CORE_ACTS
from assay.records.label_schema import Asked, AskedLabel
from assay.records.session import Session
from assay.records.storage import atomic_write
from assay.runs.engine import Progress
from assay.runs.folder import RunFolder
from assay.runs.ledger import Ledger
from assay.verification.annotators.naming import Line, Reading, checked, line_of
from assay.verification.judges.cost import plan_of, total
from assay.verification.judges.prompt import form_of

READ_BY_DEFAULT = 200
"""Targets a label that a language model reads without --limit."""
KINDS = ("nearest", "human-turns", "trained:FILE[,FILE...]", "votes:FILE.csv", "python:module:callable")
"""What --annotator may be."""
GOLD_READER = "gold-trained"
"""The reader that is trained on gold or on what people answered."""
CHUNK = 500

Places = Mapping[str, Sequence[Asked]]
Sessions = Mapping[str, Session]
Known = Mapping[str, Mapping[int, frozenset[int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Who is asked, and how much."""

    annotators: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()
    limit: int = 0
    draws: int = 3
    seed: int = 0
    max_cost: float | None = None
    price: tuple[str, ...] = ()

    def check(self) -> "Work":
        """Raises BadInput for an annotator or model that is not there, before anything is written."""
        for spec in self.annotators:
            kind, _, rest = spec.partition(":")
            if spec not in ("nearest", "human-turns") and (kind not in ("trained", "votes", "python") or not rest):
                now = f"one of {', '.join(KINDS)}; language models are --judge"
                raise BadInput(f"no annotator {spec!r}", where="--annotator", now=now)
            for name in rest.split(",") if kind in ("trained", "votes") else ():
                if not Path(name).is_file():
                    raise BadInput("no such file", where=f"--annotator {spec}", now="name a file that is there")
        if len(set(self.annotators)) < len(self.annotators) or len(set(self.judges)) < len(self.judges):
            raise BadInput("an annotator is named twice", where="--annotator", now="each is one voice: name it once")
        if not 1 <= self.draws <= 20:
            raise BadInput(f"--draws is between 1 and 20, not {self.draws}", now="e.g. --draws 3")
        check_models(Plan(n=1, seed=self.seed, model="template", judge=self.judges, judged_labels=self.limit,
                          max_cost=self.max_cost, price=self.price).check())  # fmt: skip
        return self

    def config(self) -> dict[str, Any]:
        """The part that changes results; files by digest."""
        row = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items() if k != "seed"}
        return {**row, "annotators": [[s, _mark(s)] for s in self.annotators]}


def _mark(spec: str) -> str:
    kind, _, rest = spec.partition(":")
    return digest([Path(n).read_bytes().hex() for n in rest.split(",")]) if kind in ("trained", "votes") else ""


def kinds_of(work: Work, labels: Sequence[AskedLabel]) -> tuple[str, ...]:
    """Annotators as asked, else those that come with assay: the reader of core acts for these, else the nearest label.

    Raises BadInput where there is none at all.
    """
    if work.annotators or work.judges:
        return work.annotators
    from assay.models.embeddings import INSTALL, available

    found = (*(("nearest",) if available() else ()), *(("human-turns",) if any(map(_of_acts, labels)) else ()))
    if not found:
        raise BadInput(
            "no annotator for these labels", where="--annotator",
            now=f"install the sentence embeddings ({INSTALL}), or name one of {', '.join(KINDS)}, or a --judge",
        )  # fmt: skip
    return found


def _of_acts(label: AskedLabel) -> bool:
    """Whether a label's values are core acts, of a speaker whose turns the shipped reader reads."""
    return label.of in ("user", "assistant") and set(label.values) <= set(CORE_ACTS)


def readings(
    folder: RunFolder, work: Work, labels: Sequence[AskedLabel], targets: Places, sessions: Sessions, known: Known,
    progress: Progress,
) -> tuple[dict[str, list[Reading]], dict[str, Any]]:  # fmt: skip
    """Label name -> what every annotator read, and the calls that were made. What was read before is taken from there.

    Raises BadInput where no annotator speaks of a label.
    """
    shelf = folder.path / "readings"
    shelf.mkdir(exist_ok=True)
    out: dict[str, list[Reading]] = {}
    with Ledger(folder.path) as ledger:
        for x in labels:
            job = _Job(work, x, targets[x.name], sessions, known.get(x.name, {}), ledger, progress)
            held = [_kept(shelf, work, job, name, read) for name, read in job.readers(kinds_of(work, labels))]
            out[x.name] = [*(r for r in held if r is not None), *job.people()]
            if not any(r.spoke().any() for r in out[x.name]):
                raise BadInput(
                    f"no annotator speaks of {x.name}", where="--annotator",
                    now=f"add one that does: {', '.join(KINDS)}, or a --judge",
                )  # fmt: skip
        return out, write_usage(folder, ledger)


def _kept(shelf: Path, work: Work, job: "_Job", name: str, read: Callable[[], Reading | None]) -> Reading | None:
    """A reading from the shelf, or made and put there."""
    own: list[Any] = []
    if name in work.judges:
        own = [work.limit, work.draws, work.max_cost, list(work.price), work.seed]
    elif name == GOLD_READER:
        own = [work.seed, sorted((i, sorted(v)) for i, v in job.gold.items())]
    key = digest([name, _mark(name), job.label.row(), [[t.session, t.turn] for t in job.targets], own])
    path = shelf / f"{key[:24]}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as held:
            about = json.loads(held["about"].tobytes())
            draws = tuple(held[f"draw{k}"] for k in range(int(about["draws_kept"])))
            return Reading(annotator=name, p=held["p"], draws=draws, about=about["about"])
    made = read()
    if made is None:
        return None
    checked(made, job.label)
    buffer = io.BytesIO()
    about = json.dumps({"about": rounded(dict(made.about)), "draws_kept": len(made.draws)}).encode()
    kept: dict[str, Any] = {f"draw{k}": d for k, d in enumerate(made.draws)}
    np.savez_compressed(buffer, p=made.p, about=np.frombuffer(about, dtype=np.uint8), **kept)
    atomic_write(path, buffer.getvalue())
    return made


class _Job:
    """One label to be read by everybody."""

    def __init__(
        self, work: Work, label: AskedLabel, targets: Sequence[Asked], sessions: Sessions,
        gold: Mapping[int, frozenset[int]], ledger: Ledger, progress: Progress,
    ) -> None:  # fmt: skip
        self.work, self.label, self.targets, self.sessions = work, label, targets, sessions
        self.gold, self.ledger, self.progress = gold, ledger, progress
        self.lines: list[Line] = [line_of(t, sessions, lasts=label.lasts) for t in targets]

    def readers(self, kinds: Sequence[str]) -> list[tuple[str, Callable[[], Reading | None]]]:
        """(name, function that reads), without people's votes."""
        made: list[tuple[str, Callable[[], Reading | None]]] = []
        for spec in kinds:
            kind, _, rest = spec.partition(":")
            if kind == "nearest" and not self.work.annotators and _of_acts(self.label):
                # of core acts the reader trained on them is far better, and two voices cannot say which one errs
                continue
            if kind == "nearest":
                made.append((spec, self._nearest))
            elif kind == "human-turns":
                made.append((spec, self._human_turns))
            elif kind == "trained":
                made.append((spec, lambda rest=rest, spec=spec: self._trained(rest, spec)))  # type: ignore[misc]
            elif kind == "python":
                made.append((spec, lambda rest=rest, spec=spec: self._python(rest, spec)))  # type: ignore[misc]
        for judge in self.work.judges:
            made.append((judge, lambda judge=judge: self._options(judge)))  # type: ignore[misc]
        if len(self.gold) >= 2:
            made.append((GOLD_READER, self._gold_trained))
        return made

    def people(self) -> list[Reading]:
        """Readings of votes files."""
        from assay.verification.annotators.people import read_rows, votes_by_annotator

        found = []
        for spec in self.work.annotators:
            kind, _, rest = spec.partition(":")
            if kind == "votes":
                rows = read_rows(rest, ("annotator", "label"))
                mine = [row for row in rows if row[1].get("name", self.label.name) == self.label.name]
                said = votes_by_annotator(mine, (self.label,), {self.label.name: self.targets})
                found += [held[self.label.name] for held in said.values()]
        return found

    def _embed(self, texts: Sequence[str]) -> Any:
        from assay.models.embeddings import bundled

        model, stage = bundled(), f"embed {self.label.name}"
        for start in range(0, len(texts), CHUNK):
            model.embed(texts[start : start + CHUNK])
            if len(texts) > CHUNK:
                self.progress(stage, min(start + CHUNK, len(texts)), len(texts))
        return model.embed(texts)

    def _nearest(self) -> Reading:
        from assay.verification.annotators.nearest import read_nearest

        return read_nearest(self.label, self.lines, self._embed)

    def _human_turns(self) -> Reading | None:
        if not _of_acts(self.label):
            return None
        reader = core_reader()
        party: Any = self.label.of
        p = reader.read([(line.text, line.before or None) for line in self.lines], party)
        out = np.full((len(self.lines), len(self.label.values)), np.nan)
        for k, value in enumerate(self.label.values):
            if value in reader.vocabulary(party):
                out[:, k] = p[:, reader.vocabulary(party).index(value)]
        if self.label.kind == "category":
            out = np.nan_to_num(out, nan=0.0)
            out /= np.maximum(out.sum(axis=1, keepdims=True), 1e-12)
        return Reading(annotator="human-turns", p=out, about={"weights": reader.digest[:12]})

    def _trained(self, rest: str, spec: str) -> Reading | None:
        from assay.door.labelled_corpora import examples_of
        from assay.verification.annotators.trained import read_trained

        examples, told = examples_of([Path(n) for n in rest.split(",")], self.label)
        if not examples:
            return None
        made = read_trained(self.label, self.lines, examples, spec)
        return Reading(annotator=spec, p=made.p, about={**made.about, "files": told})

    def _gold_trained(self) -> Reading | None:
        from assay.models.embeddings import available
        from assay.verification.annotators.trained import read_out_of_fold

        values = list(self.label.values)
        gold = {i: frozenset(values[k] for k in held) for i, held in self.gold.items()}
        rng = np.random.default_rng([self.work.seed, 11])
        groups = [t.session for t in self.targets]
        embed = self._embed if available() else None
        try:
            return read_out_of_fold(self.label, self.lines, groups, gold, GOLD_READER, embed, rng)
        except BadInput:
            # too little gold for any value: the others go on without it
            return None

    def _python(self, rest: str, spec: str) -> Reading:
        from assay.models.resolve import load_callable
        from assay.verification.annotators.people import read_function

        return read_function(load_callable(rest), self.label, self.targets, self.sessions, spec)

    def _options(self, judge: str) -> Reading:
        from assay.verification.annotators.options import read_options

        chosen = affordable(self.work, judge, self.label, self.targets, self.sessions)
        return read_options(
            self.label, self.targets, self.sessions, judge_of(judge, self.ledger), chosen=chosen,
            draws=self.work.draws, seed=self.work.seed, name=judge,
        )  # fmt: skip


def drawn(work: Work, label: AskedLabel, targets: Sequence[Asked]) -> list[int]:
    """The targets that a language model reads: a seeded random subset, in random order."""
    order = sorted(
        range(len(targets)), key=lambda i: digest([work.seed, label.name, targets[i].session, targets[i].turn])
    )
    return order[: work.limit or READ_BY_DEFAULT]


def affordable(work: Work, judge: str, label: AskedLabel, targets: Sequence[Asked], sessions: Sessions) -> list[int]:
    """As `drawn`, cut where the plan would go beyond --max-cost. Raises BadInput when no price is known."""
    chosen = drawn(work, label, targets)
    if work.max_cost is None:
        return chosen
    price = price_of(judge, _plan(work))
    if price is None:
        raise BadInput(
            f"no price is known for {judge}, so --max-cost cannot be kept", where="--max-cost",
            now=f"say what it costs: --price {judge}=PROMPT/GENERATED (USD per million tokens)",
        )  # fmt: skip
    spent, kept = 0.0, []
    for i in chosen:
        spent += _cost(work, judge, label, targets, sessions, [i]).usd(price)
        if spent > work.max_cost:
            break
        kept.append(i)
    return kept


def _cost(
    work: Work, judge: str, label: AskedLabel, targets: Sequence[Asked], sessions: Sessions, chosen: Sequence[int]
) -> Any:
    from assay.verification.annotators.options import first_prompts

    prompts = first_prompts(label, targets, sessions, chosen, work.draws, work.seed)
    return total(plan_of(prompts, form_of(judge), work.seed)[1])


def planned(work: Work, labels: Sequence[AskedLabel], targets: Places, sessions: Sessions) -> list[dict[str, Any]]:
    """Per judge and label what it would be asked, without asking: calls, tokens estimated, usd null without a price."""
    rows = []
    for judge in work.judges:
        price = price_of(judge, _plan(work))
        for x in labels:
            chosen = drawn(work, x, targets[x.name])
            cost = _cost(work, judge, x, targets[x.name], sessions, chosen)
            usd = None if price is None else float(f"{cost.usd(price):.6g}")
            rows.append({"judge": judge, "label": x.name, "targets": len(chosen), **cost.row(), "usd": usd})
    return rows


def _plan(work: Work) -> Plan:
    return Plan(n=1, model="given", price=work.price, max_cost=work.max_cost)
