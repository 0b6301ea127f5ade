"""forget: erase one session from a run folder, in every file and in the ledger, and prove it."""

import csv
import io
import json
import re
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from assay.door.large_folder import SAMPLE
from assay.errors import BadInput, Refused
from assay.pages.view.index import drop_index
from assay.records.parts import parts_of, read_part, write_part
from assay.records.session import Session
from assay.records.storage import TABLES, atomic_write, read, write_json, write_rows
from assay.runs.folder import RunFolder
from assay.runs.ledger import FILE, Ledger

SHORTEST = 6
"""Characters of a text by which a session is known; shorter ones say nothing of whose they are."""
PAGES = re.compile(r".*\.(html|md|svg|ipynb)$")


def forget(directory: str | Path, session: str) -> dict[str, Any]:
    """Erase a session: its records, prompts and answers, items of samples, and the pages that showed it.

    Texts that other sessions have too stay with those. The certificate stays: it holds counts alone. A report that was
    there is written anew. Going on with the run does not bring the session back. At the end every file is searched for
    the session's own texts; returns counts, and `found`, which is empty.

    Raises BadInput for a folder without sessions or an unknown session, Refused if the search finds anything.
    """
    with RunFolder(directory) as folder:
        sessions: list[Session] = list(read(folder.path, "sessions"))
        gone = next((s for s in sessions if s.id == session), None)
        if gone is None:
            known = ", ".join(s.id for s in sessions[:3])
            raise BadInput(f"no session {session!r}", where=str(folder.path), now=f"ids here: {known}, ...")
        design = folder.file("blueprint.yaml").read_text(encoding="utf-8") if folder.has("blueprint.yaml") else ""
        own = own_texts(gone, [s for s in sessions if s.id != session], design)
        rows = _records(folder, gone)
        rows |= _sample(folder, gone, own)
        calls = _ledger(folder, gone, own, [s for s in sessions if s.id != session])
        pages = [p for p in folder.path.rglob("*") if p.is_file() and PAGES.match(p.name)]
        for page in pages:
            page.unlink()
        drop_index(folder.path)
        _other_files(folder, gone, own)
        run = folder.run()
        run["forgotten"] = int(run.get("forgotten", 0)) + 1
        write_json(folder.file("run.json"), run)
        if any(p.name == "report.html" for p in pages):
            from assay.door.trusting import report

            report(folder.path)
        found = search(folder.path, own)
    if found:
        raise Refused(
            f"{len(found)} files still hold texts of the session: {', '.join(found[:5])}", where=str(directory),
            now="delete these files, or the run folder; what else there was of the session is erased",
        )  # fmt: skip
    return {"session": session, "rows": rows, "calls": calls, "texts": len(own), "found": found}


def own_texts(session: Session, others: Iterable[Session], design: str = "") -> list[str]:
    """Texts of a session that neither another one nor the blueprint has: turns, and private values; longest first."""
    shared = {t for s in others for t in _texts(s)}
    return sorted({t for t in _texts(session) if t not in shared and t not in design}, key=lambda t: (-len(t), t))


def _texts(session: Session) -> list[str]:
    found = [t.text for t in session.turns]
    found += [str(v) for facts in session.private.values() for v in facts.values() if isinstance(v, str)]
    return [t for t in found if len(t.strip()) >= SHORTEST]


def _records(folder: RunFolder, gone: Session) -> dict[str, int]:
    """Write the record files without the session; file -> rows erased."""
    erased = {}
    for table in TABLES:
        for suffix in (".jsonl", ".jsonl.gz"):
            if not folder.has(table + suffix):
                continue
            rows = list(read(folder.path, table))
            mark = {gone.id, gone.scenario} if table == "scenarios" else {gone.id}
            kept = [r for r in rows if (r.id if table in ("scenarios", "sessions") else r.session) not in mark]
            write_rows(folder.file(table + suffix), kept)
            erased[table] = len(rows) - len(kept)
        in_parts = 0
        for path in parts_of(folder.path, table):
            held = list(read_part(path, TABLES[table]))
            kept = [r for r in held if getattr(r, "id" if table in ("scenarios", "sessions") else "session") != gone.id]
            if len(kept) < len(held):
                write_part(path, kept, TABLES[table])
            in_parts += len(held) - len(kept)
        if in_parts:
            # a table of many sessions may stand in parts and as one file: the same rows
            erased[table] = max(erased.get(table, 0), in_parts)
    if folder.has(f"{SAMPLE}/run.json"):
        with RunFolder(folder.file(SAMPLE)) as sample:
            _records(sample, gone)
            _other_files(sample, gone, ())
    return erased


def _sample(folder: RunFolder, gone: Session, own: Collection[str]) -> dict[str, int]:
    """Take the session's questions out of samples and answers."""
    dropped: set[str] = set()
    for path in sorted(folder.path.glob("*.csv")):
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8", errors="surrogatepass"), newline="")))
        mine = [r for r in rows if r.get("session") == gone.id or _holds(" ".join(map(str, r.values())), own)]
        dropped |= {str(r["sample_id"]) for r in mine if r.get("sample_id")}
    for path in sorted(folder.path.glob("sample*.json")):
        roles = json.loads(path.read_text(encoding="utf-8"))
        roles["items"] = [i for i in roles.get("items", []) if i.get("sample_id") not in dropped]
        write_json(path, roles)
    count = 0
    for path in sorted(folder.path.glob("*.csv")):
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8", errors="surrogatepass"), newline=""))
        rows = list(reader)
        kept = [r for r in rows if r.get("sample_id") not in dropped and r.get("session") != gone.id]
        kept = [r for r in kept if not _holds(" ".join(map(str, r.values())), own)]
        count += len(rows) - len(kept)
        _rewrite(path, list(reader.fieldnames or ()), kept)
    return {"sample": len(dropped), "csv": count}


def _rewrite(path: Path, head: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, head)
    writer.writeheader()
    writer.writerows(rows)
    atomic_write(path, buffer.getvalue().encode("utf-8", "surrogatepass"))


def _ledger(folder: RunFolder, gone: Session, own: Collection[str], others: Sequence[Session]) -> int:
    """Erase the session's calls and units from the ledger; returns the calls erased."""
    if not folder.has(FILE):
        return 0
    used = {key for s in others for key in s.prompts.values()}
    with Ledger(folder.path) as ledger:
        keys = {k for k in gone.prompts.values() if k and k not in used}
        keys |= {
            k
            for k in sorted(ledger.keys())
            if k not in used and _holds(json.dumps(ledger.call(k), ensure_ascii=False), own)
        }
        units = set()
        for stage in _stages(ledger):
            for unit, payload in ledger.items(stage).items():
                if gone.id in unit.split("/") or _holds(json.dumps(payload, ensure_ascii=False), own):
                    units.add(unit)
        return ledger.forget(sorted(keys), sorted(units))


def _stages(ledger: Ledger) -> list[str]:
    with sqlite3.connect(f"file:{ledger.path}?mode=ro", uri=True) as db:
        return [row[0] for row in db.execute("SELECT DISTINCT stage FROM items")]


def _other_files(folder: RunFolder, gone: Session, own: Collection[str]) -> None:
    """Take the session out of the lists of JSON files that name it (failed sessions, covering arms)."""
    for path in sorted(folder.path.glob("*.json")):
        text = path.read_text(encoding="utf-8")
        if gone.id in text or _holds(text, own):
            write_json(path, _without(json.loads(text), gone.id, own))


def _without(value: Any, name: str, own: Collection[str]) -> Any:
    """A JSON value without list entries and keys that are the session, and without its texts."""
    if isinstance(value, dict):
        return {k: _without(v, name, own) for k, v in value.items() if k != name}
    if isinstance(value, list):
        return [_without(v, name, own) for v in value if v != name and not (isinstance(v, str) and _holds(v, own))]
    return None if isinstance(value, str) and _holds(value, own) else value


def _holds(text: str, own: Collection[str]) -> bool:
    return any(t in text or json.dumps(t, ensure_ascii=False)[1:-1] in text for t in own)


def search(folder: Path, own: Collection[str]) -> list[str]:
    """Files of a folder that hold one of the texts, as they are, in JSON, or packed in the ledger."""
    found = []
    wanted = {t.encode("utf-8", "surrogatepass") for t in own} | {json.dumps(t)[1:-1].encode() for t in own}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        packed = (path.name == FILE and _packed(path, wanted)) or _in_part(path, wanted)
        if packed or any(w in data for w in wanted):
            found.append(str(path.relative_to(folder)))
    return found


def _in_part(path: Path, wanted: Collection[bytes]) -> bool:
    """Whether a part of a table, which is packed, holds one of the texts."""
    kind = TABLES.get(path.parent.name)
    if kind is None or not path.name.startswith("part-"):
        return False
    lines = (row.line().encode("utf-8", "surrogatepass") for row in read_part(path, kind))
    return any(w in line for line in lines for w in wanted)


def _packed(path: Path, wanted: Collection[bytes]) -> bool:
    """Whether a packed text of the ledger holds one of the texts."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        for table, column in (("texts", "body"), ("calls", "answer"), ("items", "payload")):
            for (body,) in db.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"):
                if any(w in zlib.decompress(body) for w in wanted):
                    return True
    return False
