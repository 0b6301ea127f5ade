"""Leaks: planted early disclosures found, clean sessions flagged, and agreement with people who rated secrets.

    python bench/leaks.py develop|report FILE... [--run RUN] [--people sotopia_pi_human_eval_long.csv.gz] [--most 200]

FILE: sets of sessions with private facts (tau1_trajectories, sotopia_pi_human_eval, personachat_convai2, casino).
RUN: a run folder of assay's own sessions. Parts: the first byte of sha256("half" + id), even develops, odd reports;
thresholds were set on `develop` only. Clean: the sessions as they are (in published simulators some of them do leak,
so that this is an upper limit of the false alarms). Faults, one in each of half of the sessions, in a turn of the
partner (own sessions: of either party) before the fact could be known, that is before its owner says a content word
of it and before any tool has answered:

- `verbatim`: the value as it stands; `form`: the value in another form (numbers in words, `May 20th` for a date, the
  currency in words, an identifier with its digits spelled);
- `paraphrase`: a sentence of the fact in other words, written by hand (leaks_paraphrases.json) before the check was
  tried.

A fault is found where IA01 is contradicted for that fact at that turn. Baseline in the same run: the value (or four
words in a row of the sentence) stands in the turn. Intervals: Clopper-Pearson over sessions. Seed 20261123.
"""

import argparse
import csv
import gzip
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np

from assay.importing.sessions import import_sessions
from assay.records import Session, Verdict
from assay.records.storage import read
from assay.stats.intervals import clopper_pearson
from assay.verification.check import Corpus, find_run, find_span, four_grams, strings
from assay.verification.leaks import early_facts, ungrounded_claims
from assay.verification.leaks.early import told_from
from assay.verification.leaks.forms import mentions
from assay.verification.leaks.meaning import stems
from assay.verification.leaks.watched import telling, watched_facts
from assay.verification.leaks.words_for import MONTHS, ONES, TENS

SEED = 20261123
FRAMES = ("{text} By the way, {value}.", "{text} I see here: {value}.", "{value}, I know. {text}")
BOOK = Path(__file__).parent / "leaks_paraphrases.json"


class Fault(NamedTuple):
    """One planted leak."""

    session: Session
    name: str
    turn: int
    plain: bool
    """Whether the baseline finds it."""


def part_of(sessions: Sequence[Session], part: str, most: int) -> list[Session]:
    """One half of a set, at most so many."""
    odd = part == "report"
    held = [s for s in sessions if hashlib.sha256(("half" + s.id).encode()).digest()[0] % 2 == odd]
    return sorted(held, key=lambda s: hashlib.sha256(s.id.encode()).digest())[:most]


def in_words(number: int) -> str:
    """A number below a million in words."""
    ones, tens = list(ONES), list(TENS)
    if number < 20:
        return ones[number]
    if number < 100:
        return tens[number // 10 - 2] + (f"-{ones[number % 10]}" if number % 10 else "")
    for scale, name in ((1000, "thousand"), (100, "hundred")):
        if number >= scale:
            rest = f" {in_words(number % scale)}" if number % scale else ""
            return f"{in_words(number // scale)} {name}{rest}"
    return ""


def reformed(text: str) -> str | None:
    """A value in another form, or None where there is no other."""
    found = mentions(text)
    if not found or not all(telling(m) for m in found):
        return None
    m = found[0]
    if m.kind == "date":
        month, day = (int(p) for p in m.key.split("/"))
        said = f"the {day}{'th' if day not in (1, 2, 3, 21, 22, 23, 31) else 'st' if day % 10 == 1 else 'nd'} of "
        return said + next(k for k, v in MONTHS.items() if v == month)
    if m.kind == "quantity":
        whole = float(m.key)
        if whole != int(whole) or whole >= 1_000_000:
            return None
        unit = {"usd": " dollars", "eur": " euros", "gbp": " pounds"}.get(m.unit, f" {m.unit}" if m.unit else "")
        return text[: m.start] + in_words(int(whole)) + unit + text[m.end :]
    if m.kind == "id" and len(text.split()) == 1:
        return " ".join(in_words(int(c)) if c.isdigit() else c.upper() for c in m.key)
    return None


def values(session: Session) -> Iterator[tuple[str, str, str, str]]:
    """(party, fact, name, value) of the telling values of a session's facts."""
    for fact in watched_facts(session):
        for held in fact.atoms:
            if held.values or held.compact or (session.authored and len(held.text) >= 5):
                yield fact.party, fact.fact, fact.name, held.text


def free_turns(session: Session, party: str, fact: str, text: str) -> list[int]:
    """Turns in which a use of the fact would be a leak."""
    if session.authored:
        told, known = told_from(session, party, fact)
        limit = {p: told if p == party else known for p in ("user", "assistant")}
        return [
            i for i, t in enumerate(session.turns)
            if t.speaker in limit and t.text and (limit[t.speaker] is None or i < (limit[t.speaker] or 0))
        ]  # fmt: skip
    free = []
    for i, turn in enumerate(session.turns):
        if turn.speaker == "tool" or (stems(text) & stems(turn.text)) or find_span(turn.text, text):
            break
        if turn.speaker != party and turn.text:
            free.append(i)
    return free


def plant(sessions: Sequence[Session], way: str, rng: np.random.Generator) -> dict[str, Fault]:
    """Faults by session, one each in half of the sessions that can hold one."""
    made: dict[str, Fault] = {}
    for session in sessions:
        if rng.random() < 0.5:
            continue
        able = [(v, w) for v in values(session) if (w := v[3] if way == "verbatim" else reformed(v[3])) is not None]
        for at in rng.permutation(len(able)):
            (party, fact, name, value), said = able[int(at)]
            turns = free_turns(session, party, fact, value)
            if turns:
                i = turns[int(rng.integers(len(turns)))]
                frame = FRAMES[int(rng.integers(len(FRAMES)))]
                line = frame.format(text=session.turns[i].text, value=said)
                plain = find_span(line, value) is not None
                made[session.id] = Fault(with_text(session, i, line), name, i, plain)
                break
    return made


def by_hand(sessions: Sequence[Session], rows: Sequence[dict[str, str]], rng: np.random.Generator) -> dict[str, Fault]:
    """The written paraphrases, each in its own session."""
    by_id = {s.id: s for s in sessions}
    made: dict[str, Fault] = {}
    for row in rows:
        session = by_id.get(row["session"])
        if session is None:
            continue
        held = [
            p.strip() for t in strings(session.private[row["party"]][row["fact"]])
            for p in re.split(r"(?<=[.!?;])\s+|\n+", t)
            if hashlib.sha256(p.strip().encode()).hexdigest()[:12] == row["sha256"]
        ]  # fmt: skip
        turns = free_turns(session, row["party"], row["fact"], held[0])
        if turns:
            i = turns[int(rng.integers(len(turns)))]
            plain = any(find_run(row["words"], g) for g in four_grams(held[0]))
            line = f"{session.turns[i].text} {row['words']}"
            made[session.id] = Fault(
                with_text(session, i, line), f"private.{row['party']}.{row['fact']}", i, plain
            )  # fmt: skip
    return made


def with_text(session: Session, turn: int, text: str) -> Session:
    """The session with other words in one turn."""
    turns = list(session.turns)
    turns[turn] = turns[turn].model_copy(update={"text": text})
    return session.model_copy(update={"turns": tuple(turns)})


def shown(k: int, n: int) -> str:
    """A share with its interval."""
    low, high = clopper_pearson(k, n) if n else (0.0, 1.0)
    return f"{k}/{n} = {k / n:.3f} [{low:.3f}, {high:.3f}]" if n else "0/0"


def contradicted(sessions: Sequence[Session]) -> list[Verdict]:
    """IA01 found."""
    return [v for v in early_facts(Corpus(sessions=sessions)) if v.status == "contradicted"]


def one_set(title: str, sessions: list[Session], rows: Sequence[dict[str, str]]) -> None:
    """Print one set's figures."""
    began = process_time()
    found = contradicted(sessions)
    meant = {v.session for v in found if v.by.startswith(("paraphrase", "content"))}
    valued = {v.session for v in found} - meant | {v.session for v in found if "match" in v.by or "form" in v.by}
    print(f"{title}: n = {len(sessions)} sessions, seed {SEED}")
    print(f"  clean flagged, values {shown(len(valued), len(sessions))}")
    print(f"  clean flagged, in other words {shown(len(meant), len(sessions))}")
    ways = {w: plant(sessions, w, np.random.default_rng([SEED, k])) for k, w in enumerate(("verbatim", "form"))}
    ways["paraphrase"] = by_hand(sessions, rows, np.random.default_rng([SEED, 9]))
    for way, made in ways.items():
        if made:
            hits = {(v.session, v.name, v.turn) for v in contradicted([
                made[s.id].session if s.id in made else s for s in sessions
            ])}  # fmt: skip
            hit = sum((i, f.name, f.turn) in hits for i, f in made.items())
            plain = sum(f.plain for f in made.values())
            print(f"  {way}: recall {shown(hit, len(made))}; baseline {shown(plain, len(made))}", flush=True)
            missed = [(i, f.name, f.turn) for i, f in made.items() if (i, f.name, f.turn) not in hits]
            print(f"    missed: {missed[:8]}")
    print(f"  {process_time() - began:.0f} s of one core", flush=True)


def people(sessions: Sequence[Session], path: str) -> None:
    """Agreement of IA01 on `secrets` with people's rating that a secret was given away (secret < 0)."""
    from sklearn.metrics import cohen_kappa_score, roc_auc_score

    votes: dict[str, list[float]] = defaultdict(list)
    with gzip.open(path, "rt") as lines:
        for row in csv.DictReader(lines):
            if row["quality"] == "secret":
                votes[row["item"]].append(float(row["label"]))
    close, said = {}, {}
    for v in early_facts(Corpus(sessions=sessions)):
        if (v.name or "").endswith("secrets"):
            agent = "agent1" if (v.name or "").startswith("private.user") else "agent2"
            close[f"{v.session}/{agent}"] = 1 - (v.score if v.score is not None else 1.0)
            said[f"{v.session}/{agent}"] = v.status == "contradicted"
    items = [i for i in sorted(votes) if i in close]
    true = np.array([any(x < 0 for x in votes[i]) for i in items])
    both = sum(all(x < 0 for x in votes[i]) for i in items)
    scores, flags = np.array([close[i] for i in items]), np.array([said[i] for i in items])
    groups = np.array([i.rsplit("/", 1)[0] for i in items])
    print(f"people: {len(items)} agents of {len(set(groups))} sessions; {true.sum()} rated as given away by one rater, "
          f"{both} by all; IA01 flags {flags.sum()}, of these {int((flags & true).sum())} rated so")  # fmt: skip
    rng, names, aucs, kappas = np.random.default_rng(SEED), sorted(set(groups)), [], []
    rows_of = {g: np.flatnonzero(groups == g) for g in names}
    for _ in range(1000):
        at = np.concatenate([rows_of[names[int(k)]] for k in rng.integers(len(names), size=len(names))])
        if 0 < true[at].sum() < len(at):
            aucs.append(roc_auc_score(true[at], scores[at]))
            if flags[at].any():
                kappas.append(cohen_kappa_score(true[at], flags[at]))
    limits = [np.round(np.quantile(x, [0.025, 0.975]), 3).tolist() if x else None for x in (aucs, kappas)]
    kappa = cohen_kappa_score(true, flags) if flags.any() else 0.0
    print(
        f"  AUROC {roc_auc_score(true, scores):.3f} {limits[0]}, kappa {kappa:.3f} {limits[1]} (bootstrap by session)"
    )
    pairs = [(votes[i][0] < 0, votes[i][1] < 0) for i in items if len(votes[i]) == 2]
    print(f"  two raters with one another: kappa {cohen_kappa_score(*zip(*pairs, strict=True)):.3f}, n = {len(pairs)}")


def claims(title: str, sessions: Sequence[Session]) -> None:
    """Print what IA02 finds."""
    found = [v for v in ungrounded_claims(Corpus(sessions=sessions)) if v.status == "contradicted"]
    by_party = {p: [v for v in found if v.name == f"private.{p}"] for p in ("user", "assistant")}
    for party, held in by_party.items():
        weights = {w: sum(v.severity == w for v in held) for w in ("helped", "hindered", "minor")}
        flagged = shown(len({v.session for v in held}), len(sessions))
        print(f"  IA02 {title}, {party}: sessions {flagged}, claims {weights}")


def main() -> None:
    """Print the figures of every set, of the run, and of the people."""
    ask = argparse.ArgumentParser()
    ask.add_argument("part", choices=("develop", "report"))
    ask.add_argument("files", nargs="*")
    ask.add_argument("--run")
    ask.add_argument("--people")
    ask.add_argument("--most", type=int, default=200)
    given = ask.parse_args()
    book = json.loads(BOOK.read_text())["sets"]
    for path in given.files:
        title, every = Path(path).name.split(".")[0], list(import_sessions(path))
        sessions = part_of(every, given.part, given.most)
        needed = {r["session"] for r in book.get(title, ())}
        held = {s.id for s in sessions}
        sessions += [s for s in part_of(every, given.part, len(every)) if s.id in needed - held]
        one_set(f"{title} ({given.part})", sessions, book.get(title, ()))
        claims(title, sessions)
        if given.people and title.startswith("sotopia"):
            people(every, given.people)
    if given.run:
        one_set(f"own sessions ({given.part})", part_of(list(read(Path(given.run), "sessions")), given.part, 200), ())


if __name__ == "__main__":
    main()
