"""The local server of the page: loopback only, a token in the path, no foreign host or origin, nothing inline."""

import hmac
import json
import secrets
from collections.abc import Awaitable, Callable
from functools import lru_cache
from importlib.resources import files
from typing import Any

from aiohttp import web

from assay.certification.answers import ADJUDICATOR
from assay.errors import AssayError, BadAnswers
from assay.pages.review.desk import Desk

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
FILES = {"": ("review.html", "text/html"), "review.js": ("review.js", "text/javascript"),
         "review.css": ("review.css", "text/css")}  # fmt: skip
LARGEST = 64 * 1024
"""Bytes of a request."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_token() -> str:
    """An unguessable part of the address: 192 bits."""
    return secrets.token_urlsafe(24)


def foreign(request: web.Request) -> str | None:
    """Why a request is refused, or None.

    A host that is not loopback is a name that somebody pointed here (DNS rebinding); another origin is a page of
    somebody else's that is open in the same browser.
    """
    host = request.headers.get("Host", "")
    if host.rpartition(":")[0] not in LOOPBACK and host not in LOOPBACK:
        return f"the host {host!r} is not this machine"
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{host}":
        return "a page of another origin asks"
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return "a page of another site asks"
    if request.method == "POST" and request.content_type != "application/json":
        return "answers come as JSON"
    return None


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what is foreign, answer errors as JSON, put the headers on everything."""
    why = foreign(request)
    if why is not None:
        return web.json_response({"error": why}, status=403, headers=HEADERS)
    try:
        response = await handler(request)
    except web.HTTPException as error:
        return web.json_response({"error": error.reason}, status=error.status, headers=HEADERS)
    except AssayError as error:
        status = 400 if isinstance(error, BadAnswers) else 507
        return web.json_response({"error": str(error).splitlines()[0]}, status=status, headers=HEADERS)
    response.headers.update(HEADERS)
    return response


class Page:
    """The routes of one desk."""

    def __init__(self, desk: Desk, token: str) -> None:
        self.desk, self.token = desk, token

    def app(self) -> web.Application:
        """The application; every path begins with the token."""
        app = web.Application(middlewares=[_guard], client_max_size=LARGEST)
        app.router.add_get("/{token}/{name:(?:review\\.(?:js|css))?}", self._file)
        app.router.add_get("/{token}/api/queue", self._queue)
        app.router.add_get("/{token}/api/item/{place:\\d{1,9}}", self._item)
        app.router.add_post("/{token}/api/answer", self._answer)
        app.router.add_post("/{token}/api/undo", self._undo)
        return app

    def _check(self, request: web.Request) -> None:
        if not hmac.compare_digest(request.match_info["token"].encode(), self.token.encode()):
            raise web.HTTPNotFound

    async def _file(self, request: web.Request) -> web.Response:
        self._check(request)
        name, kind = FILES[request.match_info["name"]]
        return web.Response(text=_asset(name), content_type=kind, charset="utf-8")

    def _who(self, request: web.Request, given: str | None = None) -> str:
        """The person, or the adjudicator in that mode; people may not take the adjudicator's name."""
        name = (request.query.get("assessor", "") if given is None else given).strip()
        if name.casefold() == ADJUDICATOR:
            raise BadAnswers(f"`{ADJUDICATOR}` is kept for adjudication", now="enter another name")
        if not name:
            raise BadAnswers("a name is needed", now="enter your name")
        return ADJUDICATOR if request.query.get("mode") == "adjudicate" else name

    async def _queue(self, request: web.Request) -> web.Response:
        self._check(request)
        who, desk = self._who(request), self.desk
        places = desk.disagreements() if who == ADJUDICATOR else list(range(len(desk.items)))
        done = {desk.place[i] for w, i in desk.rows if w == who}
        return _json({"places": places, "open": [p for p in places if p not in done], **desk.overview(who)})

    async def _item(self, request: web.Request) -> web.Response:
        self._check(request)
        who, place = self._who(request), int(request.match_info["place"])
        if place >= len(self.desk.items):
            raise BadAnswers(f"there are {len(self.desk.items)} questions", now="load the page again")
        item = self.desk.items[place]
        said = self.desk.answers_to(item.id)
        # the adjudicator sees what was said, sorted, so that the order does not say who said it
        others = sorted({a for w, a in said.items() if w != ADJUDICATOR}) if who == ADJUDICATOR else []
        return _json({**item.row(), "place": place, "answer": said.get(who), "others": others})

    async def _answer(self, request: web.Request) -> web.Response:
        self._check(request)
        body = await _body(request)
        who = self._who(request, str(body.get("assessor", "")))
        seconds = body.get("seconds", 0)
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < 1e7:
            raise BadAnswers("seconds is a number from 0", now="load the page again")
        self.desk.answer(who, str(body.get("id", "")), str(body.get("answer", "")), float(seconds))
        return _json(self.desk.overview(who))

    async def _undo(self, request: web.Request) -> web.Response:
        self._check(request)
        body = await _body(request)
        who = self._who(request, str(body.get("assessor", "")))
        item = self.desk.undo(who)
        return _json({"place": None if item is None else self.desk.place[item], **self.desk.overview(who)})


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.text())
    except ValueError as error:
        raise BadAnswers("the request is not JSON", now="load the page again") from error
    if not isinstance(found, dict):
        raise BadAnswers("the request is no JSON object", now="load the page again")
    return found


def _json(row: dict[str, Any]) -> web.Response:
    return web.json_response(row, dumps=lambda value: json.dumps(value, ensure_ascii=True))


@lru_cache
def _asset(name: str) -> str:
    return (files("assay.pages") / "templates" / name).read_text(encoding="utf-8")
