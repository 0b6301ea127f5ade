"""realism: what tells simulated sessions from real ones, and by how much (RL01 to RL04, RL06)."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assay.errors import BadInput, BadSessions
from assay.importing.maps import read_map
from assay.importing.sessions import import_sessions as read_sessions
from assay.models import embeddings
from assay.records.base import rounded
from assay.records.session import Session
from assay.records.storage import atomic_write, read, write_json
from assay.runs.engine import Progress, silent
from assay.verification.annotators.human_turns import HumanTurnReader
from assay.verification.check import readable
from assay.verification.realism.features import SPECIFICATION
from assay.verification.realism.lines import Lines, common_pairs, lines_of, parties, session_texts
from assay.verification.realism.pairs import key_csv, make_pairs, pairs_csv
from assay.verification.realism.summary import Options, Realism, compare

MOST_SESSIONS = 2_000
"""Sessions a side that are compared; of more, a seeded random sample."""
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
    (pairs.csv; what is what stays in pairs-key.csv). permutations: at least 200 for results that are reported.

    Raises BadSessions for files that cannot be read or hold nobody's lines, BadInput for wrong arguments,
    NotEnoughData below 4 simulated or 8 real sessions.
    """
    began = time.monotonic()
    if permutations < 19:
        raise BadInput(f"{permutations} permutations cannot show p <= 0.05", now="19 at least, 200 for a report")
    if pairs < 0:
        raise BadInput(f"{pairs} pairs", now="0 or more")
    read_in = [_sessions(side, mapping) for side in (simulated, real)]
    kept, left_out = zip(*(_usable(s, np.random.default_rng([seed, i])) for i, s in enumerate(read_in)), strict=True)
    sides = [lines_of(k, parties(k, speaker)) for k in kept]
    options = _options([*kept[0], *kept[1]], seed, permutations)
    found = compare(sides[0], sides[1], options, progress)
    row = found.row() | {"left_out": {"simulated": left_out[0], "real": left_out[1]}}
    row = rounded(row)
    if out is not None:
        row |= _written(Path(out), found, row, sides, (pairs, seed))
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


def _options(sessions: Sequence[Session], seed: int, permutations: int) -> Options:
    """What this machine and these sessions allow: sentence vectors where installed, English readers where English."""
    english = sum(not readable(s) for s in sessions) <= FOREIGN * len(sessions)
    more: dict[str, Any] = {}
    if embeddings.available():
        model = embeddings.bundled()
        more = {"embed": model.embed, "embedder": model.name}
    reader = HumanTurnReader.load() if english else None
    return Options(seed=seed, permutations=permutations, english=english, reader=reader, **more)


def _written(
    folder: Path, found: Realism, row: dict[str, Any], sides: Sequence[Sequence[Lines]], drawn: tuple[int, int]
) -> dict[str, Any]:
    """Write the files of `out`; returns their paths."""
    from assay.pages.realism import write_realism_page

    if folder.exists() and not folder.is_dir():
        raise BadInput("a file is in the way", where=str(folder), now="name a folder")
    simulated, real = sides
    write_json(folder / "realism.json", row)
    page = write_realism_page(folder, row)
    tied = common_pairs(real, simulated)
    texts = session_texts(real, tied), session_texts(simulated, tied)
    asked, seed = drawn
    made = make_pairs(*texts, asked, np.random.default_rng([seed, 0x31])) if asked else []
    if made:
        atomic_write(folder / "pairs.csv", pairs_csv(made).encode("utf-8", "surrogatepass"))
        atomic_write(folder / "pairs-key.csv", key_csv(made).encode("utf-8"))
    return {
        "report": str(page),
        "RL03": {"pairs": len(made), "file": str(folder / "pairs.csv") if made else None, "answers": 0},
    }
