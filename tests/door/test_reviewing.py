"""The review page's server: what it keeps, what it refuses, and that a kill loses nothing."""

import asyncio
import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.door.certifying import sample
from assay.door.reviewing import review
from assay.errors import BadAnswers, BadInput, RunMismatch
from assay.pages.review.desk import Desk, cohen
from assay.pages.review.questions import Item, read_sample, transcript
from assay.testing import tiny_run

SOURCE = str(Path(__file__).parents[2] / "src")
HEAD = ("sample_id", "assessor", "answer", "seconds")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    tiny_run(tmp_path / "run", n=6)
    sample(tmp_path / "run", 30, tmp_path / "sample.csv", labels=["core_act"])
    return tmp_path / "run"


@pytest.fixture
def page(run: Path) -> Iterator[str]:
    """The address of the running page."""
    up, address = threading.Event(), []
    loops: list[Any] = []

    def serve() -> None:
        async def go() -> None:
            from assay.door import reviewing

            desk = reviewing._sample(run, None, None)
            stop = asyncio.Event()
            loops.append((asyncio.get_running_loop(), stop))

            def ready(url: str, path: Path) -> None:
                address.append(url)
                up.set()

            await reviewing._serve(desk, 0, ready, stop)

        asyncio.run(go())

    thread = threading.Thread(target=serve)
    thread.start()
    assert up.wait(20)
    yield address[0]
    loop, stop = loops[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(20)


@dataclass
class Reply:
    status_code: int
    text: str
    headers: Mapping[str, str]

    @property
    def is_success(self) -> bool:
        return self.status_code < 300

    def json(self) -> Any:
        return json.loads(self.text)


def ask(url: str, content: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
    """One request, past any proxy."""
    request = urllib.request.Request(url, data=content, headers=dict(headers or {}))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as reply:
            return Reply(reply.status, reply.read().decode(), {k.lower(): v for k, v in reply.headers.items()})
    except urllib.error.HTTPError as error:
        return Reply(error.code, error.read().decode(), {k.lower(): v for k, v in error.headers.items()})


def post(
    url: str, path: str, body: Any, headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None
) -> Reply:
    query = "?" + urllib.parse.urlencode(params) if params else ""
    given = {"Content-Type": "application/json", **(headers or {})}
    return ask(f"{url}api/{path}{query}", json.dumps(body).encode(), given)


def get(url: str, path: str, headers: Mapping[str, str] | None = None) -> Reply:
    return ask(f"{url}{path}", headers=headers)


def kept(run: Path) -> list[dict[str, str]]:
    with (run / "answers.csv").open() as handle:
        return list(csv.DictReader(handle))


# bad input ----------------------------------------------------------------------------------------------------------


def test_a_folder_with_nothing_to_ask_is_refused(tmp_path):
    tiny_run(tmp_path / "run", n=2)
    with pytest.raises(BadInput, match="neither a sample nor pairs"):
        review(tmp_path / "run")
    with pytest.raises(BadInput, match="no such folder"):
        review(tmp_path / "nowhere")


def test_answers_to_another_sample_are_refused_and_kept(run):
    old = "sample_id,assessor,answer,seconds\nq00000000,Ada,inform,1\n"
    (run / "answers.csv").write_text(old)
    with pytest.raises(BadAnswers, match="answers are to other questions"):
        review(run)
    assert (run / "answers.csv").read_text() == old


def test_a_sample_of_another_run_is_refused(run, tmp_path):
    tiny_run(tmp_path / "other", n=6, seed=5)
    sample(tmp_path / "other", 30, tmp_path / "foreign.csv")
    with pytest.raises(BadAnswers, match="not in the run's sample"):
        review(run, sample=tmp_path / "foreign.csv")


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "no column sample_id"), ("a,b\n1,2\n", "no column sample_id"),
     ("sample_id,session,turn,name,question,options,context\n", "no questions")],
)  # fmt: skip
def test_a_file_that_is_no_sample(text, says, tmp_path):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(BadAnswers, match=says):
        read_sample(tmp_path / "s.csv", {})


def test_a_second_review_of_the_folder_is_refused(run):
    from assay.door.reviewing import _alone

    with _alone(run), pytest.raises(RunMismatch, match="another review"):
        review(run)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"id": "q1"}, "no question"), ({"answer": ""}, "1 to 2,000 characters"), ({"answer": "banana"}, "is no option"),
     ({"assessor": ""}, "name is needed"), ({"assessor": "Adjudicator"}, "kept for adjudication"),
     ({"assessor": "a" * 61}, "1 to 60"), ({"assessor": "a\nb"}, "printable"), ({"seconds": -1}, "seconds"),
     ({"seconds": "x"}, "seconds"), ({"answer": "x" * 3000}, "1 to 2,000 characters")],
)  # fmt: skip
def test_bad_answers_are_refused_and_nothing_is_kept(page, run, change, says):
    item = get(page, "api/item/0?assessor=Ada").json()
    body = {"assessor": "Ada", "id": item["id"], "answer": "cannot tell", "seconds": 1.0}
    reply = post(page, "answer", {**body, **change})
    assert reply.status_code == 400
    assert says in reply.json()["error"]
    assert not (run / "answers.csv").exists()


def test_what_is_not_json_is_refused(page):
    for content, kind in ((b"{", "application/json"), (b"[1]", "application/json"), (b"a=1", "text/plain")):
        reply = ask(f"{page}api/answer", content, {"Content-Type": kind})
        assert reply.status_code in (400, 403)
    big = post(page, "answer", {"answer": "x" * 70_000})
    assert big.status_code == 413


# who may ask --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Origin": "http://evil.example"}, {"Origin": "null"},
     {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://127.0.0.1:1"}],
)  # fmt: skip
def test_foreign_hosts_and_origins_are_refused(page, headers):
    assert get(page, "api/queue?assessor=Ada", headers=headers).status_code == 403
    assert post(page, "undo", {"assessor": "Ada"}, headers=headers).status_code == 403


def test_nothing_is_served_without_the_token(page):
    base = page.rsplit("/", 2)[0]
    for path in ("", "/", "/review.js", "/api/queue", "/wrong/", "/wrong/api/queue?assessor=Ada"):
        assert ask(base + path).status_code == 404
    assert len(page.rsplit("/", 2)[1]) >= 32


def test_every_answer_of_the_server_carries_the_policy(page):
    for path in ("", "review.js", "review.css", "api/queue?assessor=Ada", "api/item/9999?assessor=Ada", "no"):
        headers = get(page, path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
    html = get(page, "").text
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", html)


def test_the_server_listens_on_this_machine_only(page):
    assert page.startswith("http://127.0.0.1:")


# what is kept -------------------------------------------------------------------------------------------------------


def test_the_page_is_blind_to_source_role_and_truth(page, run):
    roles = json.loads((run / "sample.json").read_text())
    seen = "".join(get(page, f"api/item/{i}?assessor=Ada").text for i in range(30))
    assert all(x["label"] not in seen for x in roles["items"])
    for word in ("certify", "planted", "truth", "authored", "rank_score", "tier"):
        assert word not in seen


def test_answers_are_kept_replaced_and_taken_back(page, run):
    items = [get(page, f"api/item/{i}?assessor=Ada").json() for i in range(3)]
    for item in items:
        assert post(page, "answer", {"assessor": "Ada", "id": item["id"], "answer": "cannot tell", "seconds": 2}).json()
    post(page, "answer", {"assessor": "Ada", "id": items[0]["id"], "answer": "several fit", "seconds": 2})
    assert [(r["sample_id"], r["answer"]) for r in kept(run)] == [
        (items[1]["id"], "cannot tell"), (items[2]["id"], "cannot tell"), (items[0]["id"], "several fit")
    ]  # fmt: skip
    assert post(page, "undo", {"assessor": "Ada"}).json()["place"] == 0
    assert {r["sample_id"]: r["answer"] for r in kept(run)}[items[0]["id"]] == "cannot tell"
    for _ in range(3):
        post(page, "undo", {"assessor": "Ada"})
    assert kept(run) == []
    assert post(page, "undo", {"assessor": "Ada"}).json()["place"] is None


def test_two_assessors_disagree_and_one_settles(page, run):
    for place in range(12):
        item = get(page, f"api/item/{place}?assessor=Ada").json()
        for who, answer in (("Ada", "inform"), ("Bo", "request" if place == 4 else "inform")):
            assert post(page, "answer", {"assessor": who, "id": item["id"], "answer": answer, "seconds": 1}).is_success
    found = get(page, "api/queue?assessor=Cy&mode=adjudicate").json()
    assert (found["places"], found["open"], found["disagreements"], found["settled"]) == ([4], [4], 1, 0)
    assert found["agreement"]["shared"] == 12
    assert found["agreement"]["alpha"] is not None
    asked = get(page, "api/item/4?assessor=Cy&mode=adjudicate").json()
    assert asked["others"] == ["inform", "request"]
    assert "Ada" not in json.dumps(asked)
    assert get(page, "api/item/4?assessor=Cy").json()["others"] == []
    body = {"assessor": "Cy", "id": asked["id"], "answer": "request", "seconds": 1}
    assert post(page, "answer", body, params={"mode": "adjudicate"}).json()["settled"] == 1
    assert {r["answer"] for r in kept(run) if r["assessor"] == "adjudicator"} == {"request"}


def test_a_killed_server_loses_nothing(run):
    child = subprocess.Popen(
        [sys.executable, "-c", "from assay.cli import main; main()", "review", str(run)], stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": SOURCE},
    )  # fmt: skip
    assert child.stderr is not None
    url = child.stderr.readline().split()[-1]
    for place in range(7):
        item = get(url, f"api/item/{place}?assessor=Ada").json()
        assert post(url, "answer", {"assessor": "Ada", "id": item["id"], "answer": "inform", "seconds": 1}).is_success
    child.kill()
    child.communicate()
    assert len(kept(run)) == 7
    again = subprocess.Popen(
        [sys.executable, "-c", "from assay.cli import main; main()", "review", str(run), "--json"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": SOURCE},
        # tests that run in the background of a script inherit deafness to Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert again.stderr is not None
    url = again.stderr.readline().split()[-1]
    assert get(url, "api/queue?assessor=Ada").json()["answered"] == 7
    again.send_signal(signal.SIGINT)
    out, err = again.communicate(timeout=30)
    assert again.returncode == 0, err
    assert json.loads(out)["people"] == [{"name": "Ada", "answered": 7}]


def test_pairs_are_asked_and_judged(tmp_path):
    folder = tmp_path / "pairs"
    folder.mkdir()
    rows = "".join(f"p{i:04d},[0] user: hi {i},[0] user: ho {i}\n" for i in range(10))
    (folder / "pairs.csv").write_text("pair_id,first,second\n" + rows)
    (folder / "pairs-key.csv").write_text("pair_id,simulated_is\n" + "".join(f"p{i:04d},first\n" for i in range(10)))
    from assay.door import reviewing

    desk = reviewing._pairs(folder, None)
    for i in range(10):
        desk.answer("Ada", f"p{i:04d}", "first" if i else "second", 1.0)
    assert (folder / "judgements.csv").read_text().startswith("pair_id,rater,answer,seconds\n")
    found = reviewing._judged(folder, desk)
    assert (found["share"], found["n"]) == (0.9, 10)
    assert "simulated_is" not in json.dumps([i.row() for i in desk.items])


def test_a_certificate_takes_the_answers_of_the_page(run):
    roles = json.loads((run / "sample.json").read_text())
    from assay.door import reviewing

    desk = reviewing._sample(run, None, None)
    for x in roles["items"]:
        desk.answer("Ada", x["sample_id"], x["truth"], 1.0)
    made = assay.certify(run, answers=run / "answers.csv", alpha=0.2)
    assert made.claims[0].n_answers == 30
    assert made.claims[0].wrong == 0


# pieces -------------------------------------------------------------------------------------------------------------


def test_a_transcript_is_read_as_it_was_written():
    turns = transcript(">>> [3] user: a: b\n[4] agent: <b>x</b>\nno form")
    assert turns[0] == {"number": 3, "speaker": "user", "text": "a: b", "marked": True}
    assert turns[1]["text"] == "<b>x</b>"
    assert turns[2]["speaker"] == ""


def test_sets_may_have_several_options(tmp_path):
    item = Item(id="q1", name="slots", question="?", options=("a", "b"), always=("cannot tell",), multiple=True)
    desk = Desk([item], tmp_path / "a.csv", HEAD, {"q1": "set"})
    desk.answer("Ada", "q1", "b; a", 1)
    desk.answer("Bo", "q1", "a;b", 1)
    assert desk.disagreements() == []
    desk.answer("Bo", "q1", "nothing", 1)
    assert desk.disagreements() == [0]
    with pytest.raises(BadAnswers, match="no option"):
        desk.answer("Bo", "q1", "a; c", 1)


def test_kappa_of_two_people():
    assert cohen([("a", "a"), ("b", "b"), ("a", "b"), ("b", "a")]) == 0.0
    assert cohen([("a", "a"), ("b", "b")]) == 1.0
    assert cohen([("a", "a"), ("a", "a")]) is None
