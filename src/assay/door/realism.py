"""realism: what tells simulated sessions from real ones, and by how much (RL01 to RL04, RL06)."""

import csv
import io
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assay.errors import BadAnswers, BadInput, BadSessions
from assay.importing.maps import read_map
from assay.importing.sessions import import_sessions as read_sessions
from assay.models import embeddings
from assay.records.base import rounded
from assay.records.session import Session
from assay.records.storage import atomic_write, read, read_lines, write_json
from assay.runs.engine import Progress, silent
from assay.verification.annotators.human_turns import HumanTurnReader
from assay.verification.check import readable
from assay.verification.realism.features import SPECIFICATION
from assay.verification.realism.lines import Lines, common_pairs, lines_of, parties, session_texts
from assay.verification.realism.notes import reads_as_english
from assay.verification.realism.pairs import Judged, Judgement, Pair, judge, judged_row, key_csv, make_pairs, pairs_csv
from assay.verification.realism.summary import Options, compare

MOST_SESSIONS = 2_000
"""Sessions a side that are compared; of more, a seeded random sample."""
MOST_SOURCES, FEWEST_OF_A_SOURCE = 5, 4
"""Sources of one side that are named, each with so many sessions at least."""
PAIRS, KEY, JUDGEMENTS = "pairs.csv", "pairs-key.csv", "judgements.csv"
FOREIGN = 0.1
"""Share of sessions tagged with a language other than English above which no English words are read."""


def realism(
    simulated: str | Path | Sequence[str | Path], real: str | Path | Sequence[str | Path], *,
    out: str | Path | None = None, speaker: str | None = None, mapping: str | Path | None = None, pairs: int = 60,
    seed: int = 0, permutations: int = SPECIFICATION["permutations"], progress: Progress = silent,
) -> dict[str, Any]:  # fmt: skip
    """Compare simulated sessions with real ones; returns the JSON summary.

    simulated, real: session files or run folders. Sessions that failed, and those of a covering arm (no draws from the
    prior), are left out and counted. speaker: whose lines count; by default the user's, or where nobody is called user,
    everybody's but assistants' and tools'. out: folder for realism.json, realism.html, and `pairs` pairs for people
    (pairs.csv; what is what stays in pairs-key.csv); people's answers to these pairs in the
    folder are counted. permutations: at least 200 for results that are reported.

    Raises BadSessions for files that cannot be read or hold nobody's lines, BadInput for wrong arguments and for a
    folder in which people answered other pairs, NotEnoughData below 4 simulated or 8 real sessions.
    """
    began = time.monotonic()
    if permutations < 19:
        raise BadInput(f"{permutations} permutations cannot show p <= 0.05", now="19 at least, 200 for a report")
    if pairs < 0:
        raise BadInput(f"{pairs} pairs", now="0 or more")
    read_in = [_sessions(side, mapping) for side in (simulated, real)]
    kept, left_out = zip(*(_usable(s, np.random.default_rng([seed, i])) for i, s in enumerate(read_in)), strict=True)
    sides = [lines_of(k, parties(k, speaker)) for k in kept]
    for counts, own, lines in zip(left_out, kept, sides, strict=True):
        counts["without_lines"] = len(own) - len(lines)
    drawn = _pairs(Path(out), sides, pairs, seed) if out is not None else []
    people = _judged(Path(out)) if out is not None else None
    options = _options(kept, sides, seed, permutations, people)
    found = compare(sides[0], sides[1], options, progress)
    row = found.row() | {"left_out": {"simulated": left_out[0], "real": left_out[1]}}
    row["notes"] = [*_of_sources(kept), *_of_lines(left_out), *row["notes"]]
    row = rounded(row)
    if out is not None:
        row |= _written(Path(out), row, drawn, people)
    return {**row, "seconds": round(time.monotonic() - began, 3)}


def _sessions(paths: str | Path | Sequence[str | Path], mapping: str | Path | None) -> list[Session]:
    """Sessions of files and run folders. Raises BadInput for a path that is not there."""
    found: list[Session] = []
    rules = None if mapping is None else read_map(Path(mapping))
    for path in map(Path, [paths] if isinstance(paths, str | Path) else paths):
        if path.is_dir():
            found += read(path, "sessions")
        elif path.is_file():
            found += read_sessions(path, rules)
        else:
            raise BadInput("no such file or folder", where=str(path), now="name a session file or a run folder")
    return found


def _usable(sessions: Sequence[Session], rng: np.random.Generator) -> tuple[list[Session], dict[str, int]]:
    """Sessions to compare, and how many were left out for which reason."""
    failed = [s for s in sessions if s.failure is not None]
    covering = [s for s in sessions if s.failure is None and not s.from_prior]
    kept = [s for s in sessions if s.failure is None and s.from_prior]
    left_out = {"failed": len(failed), "covering_arm": len(covering), "not_sampled": 0}
    if len(kept) > MOST_SESSIONS:
        left_out["not_sampled"] = len(kept) - MOST_SESSIONS
        kept = [kept[i] for i in np.sort(rng.choice(len(kept), MOST_SESSIONS, replace=False))]
    if not kept:
        raise BadSessions("no finished session", now="simulate first, or name another file")
    return kept, left_out


def _of_lines(left_out: Sequence[dict[str, int]]) -> list[str]:
    """A sentence for each side that lost sessions in which nobody speaks."""
    return [
        f"{counts['without_lines']} {side} sessions have no line of the speaker whose lines count, and were left out."
        for side, counts in zip(("simulated", "real"), left_out, strict=True)
        if counts["without_lines"]
    ]


def _of_sources(kept: Sequence[Sequence[Session]]) -> list[str]:
    """A sentence for each side that holds a few sources of some size: what is found is of their mix."""
    out = []
    for side, own in zip(("simulated", "real"), kept, strict=True):
        counts = Counter(s.source for s in own if s.source)
        if 2 <= len(counts) <= MOST_SOURCES and min(counts.values()) >= FEWEST_OF_A_SOURCE:
            named = ", ".join(f"{name} ({n})" for name, n in counts.most_common())
            out.append(f"The {side} sessions come from {len(counts)} sources, {named}: compare each by itself.")
    return out


def _options(
    kept: Sequence[Sequence[Session]], sides: Sequence[Sequence[Lines]], seed: int, permutations: int,
    people: Judged | None,
) -> Options:  # fmt: skip
    """What this machine and these sessions allow: sentence vectors where installed, English readers where English."""
    sessions = [s for own in kept for s in own]
    tagged = sum(not readable(s) for s in sessions) <= FOREIGN * len(sessions)
    english = tagged and all(map(reads_as_english, sides))
    more: dict[str, Any] = {}
    if embeddings.available():
        model = embeddings.bundled()
        more = {"embed": model.embed, "embedder": model.name}
    reader = HumanTurnReader.load() if english else None
    return Options(
        seed=seed, permutations=permutations, english=english, reader=reader, people=people, **more
    )  # fmt: skip


def _pairs(folder: Path, sides: Sequence[Sequence[Lines]], asked: int, seed: int) -> list[Pair]:
    """The pairs that people are asked. Raises BadInput where people answered other pairs in the folder already."""
    if folder.exists() and not folder.is_dir():
        raise BadInput("a file is in the way", where=str(folder), now="name a folder")
    simulated, real = sides
    if not asked or not simulated or not real:
        return []
    tied = common_pairs(real, simulated)
    texts = session_texts(real, tied), session_texts(simulated, tied)
    made = make_pairs(*texts, asked, np.random.default_rng([seed, 0x31]))
    before = folder / PAIRS
    if (folder / JUDGEMENTS).exists() and before.exists() and before.read_bytes() != _bytes(made):
        raise BadInput(
            "people answered other pairs in this folder", where=str(folder / JUDGEMENTS),
            now="name another folder with --out, or the files, seed and number of pairs as before",
        )  # fmt: skip
    return made


def _bytes(made: Sequence[Pair]) -> bytes:
    return pairs_csv(made).encode("utf-8", "surrogatepass")


def _judged(folder: Path) -> Judged | None:
    """What people said of the folder's pairs; None where nobody was asked. Raises BadAnswers for damaged answers."""
    files = [folder / JUDGEMENTS, folder / KEY]
    if not all(f.exists() for f in files):
        return None
    given, key = (list(csv.DictReader(io.StringIO("\n".join(line for _, line in read_lines(f))))) for f in files)
    try:
        truth: Any = {r["pair_id"]: r["simulated_is"] for r in key}
        answers: Any = [Judgement(r["pair_id"], r["rater"], r["answer"]) for r in given]  # type: ignore[arg-type]
    except KeyError as error:
        raise BadAnswers(f"no column {error}", where=str(files[0]), now="answer with `assay review`") from error
    return judge(answers, truth) if answers else None


def _written(
    folder: Path, row: dict[str, Any], made: Sequence[Pair], people: Judged | None
) -> dict[str, Any]:  # fmt: skip
    """Write the files of `out`; returns their paths."""
    from assay.pages.realism import write_realism_page

    said = rounded(judged_row(people)) if people is not None else {}
    asked = {"pairs": len(made), "file": str(folder / PAIRS) if made else None, "answers": people.n if people else 0}
    row = row | {"RL03": {**said, **asked}}
    write_json(folder / "realism.json", row)
    page = write_realism_page(folder, row)
    if made:
        atomic_write(folder / PAIRS, _bytes(made))
        atomic_write(folder / KEY, key_csv(made).encode("utf-8"))
    return {"report": str(page), "RL03": row["RL03"]}
