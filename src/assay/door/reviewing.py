"""review: the local page on which people answer a sample, or pairs of a real and a simulated session."""

import asyncio
import csv
import fcntl
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assay.door.sync import run_sync
from assay.errors import BadInput, RunMismatch, StorageFailed
from assay.pages.review.desk import Desk
from assay.pages.review.questions import read_pairs, read_sample
from assay.pages.review.server import Page, make_token
from assay.records.label import Kind, Label
from assay.records.storage import read, read_lines, write_json

ANSWERS = ("sample_id", "assessor", "answer", "seconds")
JUDGEMENTS = ("pair_id", "rater", "answer", "seconds")
Ready = Callable[[str, Path], None]


def review(
    directory: str | Path, *, sample: str | Path | None = None, pairs: bool = False, answers: str | Path | None = None,
    port: int = 0, ready: Ready = lambda url, path: None, stop: asyncio.Event | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Serve the review page of a run folder, on this machine only, until stopped (Ctrl-C); returns the summary.

    directory: a run folder with a sample, or a folder of `assay realism --out` with pairs. sample: its CSV; by default
    the copy in the folder. pairs: ask real-or-simulated pairs even where there is a sample. answers: where answers go
    (default answers.csv, for pairs judgements.csv, in the folder); those in it already are gone on from. port: 0 takes
    a free one. ready: called with the address and the file of answers once the page is up. stop: ends the server.

    Raises BadInput where there is nothing to ask, BadAnswers for files of other questions, RunMismatch when another
    review of the folder is open, StorageFailed when nothing can be written there.
    """
    folder = Path(directory)
    with _alone(folder):
        paired = pairs or (sample is None and not (folder / "sample.json").exists())
        desk = _pairs(folder, answers) if paired else _sample(folder, sample, answers)
        url = run_sync(_serve(desk, port, ready, stop))
        found = {"url": url, "answers": str(desk.path), "questions": len(desk.items), **desk.overview("")}
        del found["answered"]
        return {**found, "RL03": _judged(folder, desk)} if paired else found


def _sample(folder: Path, sample: str | Path | None, answers: str | Path | None) -> Desk:
    roles = folder / "sample.json"
    if not roles.exists():
        raise BadInput(
            "no sample was drawn from this run", where=str(folder), now="assay sample DIR -n 150 --out SAMPLE.csv"
        )
    questions = folder / "sample.csv" if sample is None else Path(sample)
    if sample is None and not questions.exists():
        raise BadInput("the sample's CSV is not in the folder", where=str(folder), now="name it with --sample")
    try:
        items = json.loads(roles.read_text(encoding="utf-8"))["items"]
        wanted = {item["label"]: item["sample_id"] for item in items}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"sample.json is damaged: {error}", where=str(roles), now="draw the sample again") from error
    found: list[Label] = [x for x in read(folder, "labels") if x.id in wanted]
    kinds: dict[str, Kind] = {wanted[x.id]: x.kind for x in found}
    return Desk(read_sample(questions, kinds), Path(answers or folder / "answers.csv"), ANSWERS, kinds)


def _pairs(folder: Path, answers: str | Path | None) -> Desk:
    if not (folder / "pairs.csv").exists():
        raise BadInput(
            "nothing to ask in this folder: neither a sample nor pairs", where=str(folder),
            now="draw one with `assay sample DIR -n 150 --out SAMPLE.csv`, or pairs with `assay realism A B --out`",
        )  # fmt: skip
    return Desk(read_pairs(folder / "pairs.csv"), Path(answers or folder / "judgements.csv"), JUDGEMENTS, {})


def _judged(folder: Path, desk: Desk) -> dict[str, Any] | None:
    """What the judgements say (RL03), kept in RL03.json; None without a key or judgements."""
    from assay.verification.realism.pairs import Judgement, judge, judged_row

    key = folder / "pairs-key.csv"
    if not key.exists() or not desk.rows:
        return None
    text = "\n".join(line for _, line in read_lines(key))
    truth: Any = {r["pair_id"]: r["simulated_is"] for r in csv.DictReader(io.StringIO(text))}
    given: Any = [Judgement(i, who, row["answer"]) for (who, i), row in desk.rows.items()]  # type: ignore[arg-type]
    row = judged_row(judge(given, truth))
    write_json(folder / "RL03.json", row)
    return row


async def _serve(desk: Desk, port: int, ready: Ready, stop: asyncio.Event | None) -> str:
    """Serve until the event is set or the task is cancelled; the address."""
    from aiohttp import web

    token = make_token()
    runner = web.AppRunner(Page(desk, token).app(), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        try:
            await site.start()
        except OSError as error:
            raise BadInput(
                f"cannot serve on port {port}: {error.strerror}", now="choose another --port, or 0 for a free one"
            ) from error
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/{token}/"
        ready(url, desk.path)
        try:
            await (stop or asyncio.Event()).wait()
        except asyncio.CancelledError:
            # Ctrl-C is how a review ends
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
        return url
    finally:
        await runner.cleanup()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second review of the folder out; other commands may go on with it."""
    if not folder.is_dir():
        raise BadInput("no such folder", where=str(folder), now="name a run folder, or one of `assay realism --out`")
    try:
        handle = os.open(folder / ".review.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageFailed(
            f"cannot write in the folder: {error.strerror}", where=str(folder), now="choose one you may write to"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunMismatch(
                "another review of this folder is open", where=str(folder), now="use its page, or stop it first"
            ) from error
        yield
    finally:
        os.close(handle)
