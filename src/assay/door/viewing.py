"""view: local pages on which runs and their sessions are looked into; nothing of a run is changed."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.door.sync import run_sync
from assay.door.versions import diff, move
from assay.errors import BadInput
from assay.pages.view.book import Book, runs_in, shelve

Ready = Callable[[str], None]
Told = Callable[[str, int], None]


def view(
    directory: str | Path, other: str | Path | None = None, *, port: int = 0, ready: Ready = lambda url: None,
    told: Told = lambda table, rows: None, stop: asyncio.Event | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Serve the pages of a run folder, or of every run right below a folder, on this machine only, until stopped.

    other: a second run, to be compared. port: 0 takes a free one. ready: called with the address once the pages are
    up. told: called with a table and its rows so far while the index of a run is made; a folder of many runs is indexed
    as its runs are opened. stop: ends the server. Returns the address and the runs.

    The index is a cache beside the run's files (`.view.sqlite`; in the user's cache where the folder is read-only).
    Raises BadInput for a folder that is no run, a line that cannot be read, or a port that is taken; StorageFailed
    where no index can be written.
    """
    named = [runs_in(Path(d)) for d in (directory, other) if d is not None]
    if other is not None and any(len(found) > 1 for found in named):
        raise BadInput("two runs are compared, and one of these folders holds many", where=str(directory),
                       now="name two run folders, or only the folder of runs")  # fmt: skip
    shelf = shelve([p for found in named for p in found])
    if other is not None and len(shelf) < 2:
        raise BadInput("both names mean the same run", where=str(other), now="name another run")
    if other is not None or len(shelf) == 1:
        for book in shelf.values():
            book.told = told
            book.open()
    url = run_sync(_serve(shelf, other is not None, port, ready, stop))
    runs = [{"name": b.slug, "folder": str(b.folder), "sessions": b.index.n if b.ready else None}
            for b in shelf.values()]  # fmt: skip
    return {"url": url, "runs": runs}


async def _serve(shelf: dict[str, Book], two: bool, port: int, ready: Ready, stop: asyncio.Event | None) -> str:
    """Serve until the event is set or the task is cancelled; the address."""
    from aiohttp import web

    from assay.pages.review.server import make_token
    from assay.pages.view.server import View

    token = make_token()
    pages = View(shelf, token, diff=diff, move=move, first=tuple(shelf) if two else ())
    runner = web.AppRunner(pages.app(), access_log=None, shutdown_timeout=2.0)
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
        ready(url)
        try:
            await (stop or asyncio.Event()).wait()
        except asyncio.CancelledError:
            # Ctrl-C is how a view ends
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
        return url
    finally:
        await runner.cleanup()
