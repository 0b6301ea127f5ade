"""The review page in Chromium: two assessors, a disagreement, an adjudication, and a certificate from it."""

import asyncio
import json
import re
import threading
from pathlib import Path

import pytest

import assay
from assay.door import reviewing
from assay.records import Session, Turn
from assay.records.storage import read, write_rows
from assay.testing import tiny_run

CHROMIUM = Path("/usr/bin/chromium")
ARGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
]  # fmt: skip
HOSTILE = (
    "</li></script><script>window.hit=1</script><img src=x onerror='window.hit=2'><svg onload=window.hit=3></svg>"
    " [click](javascript:window.hit=4) ${window.hit=5} {{7*7}} \u202eabc"
)

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield opened
        opened.close()


@pytest.fixture
def run(tmp_path):
    """A run whose every session holds an attack in a turn."""
    folder = tmp_path / "run"
    tiny_run(folder, n=8)
    sessions = []
    for session in read(folder, "sessions"):
        turns = [t.model_copy(update={"text": HOSTILE + t.text}) for t in session.turns]
        sessions.append(session.model_copy(update={"turns": tuple(turns)}))
    assert isinstance(sessions[0], Session)
    assert isinstance(sessions[0].turns[0], Turn)
    write_rows(folder / "sessions.jsonl", sessions)
    assay.sample(folder, 20, tmp_path / "sample.csv", labels=["core_act"], alpha=0.2)
    return folder


@pytest.fixture
def address(run):
    up, found, ends = threading.Event(), [], []

    async def go() -> None:
        stop = asyncio.Event()
        ends.append((asyncio.get_running_loop(), stop))

        def ready(url, path):
            found.append(url)
            up.set()

        await reviewing._serve(reviewing._sample(run, None, None), 0, ready, stop)

    thread = threading.Thread(target=lambda: asyncio.run(go()))
    thread.start()
    assert up.wait(30)
    yield found[0]
    ends[0][0].call_soon_threadsafe(ends[0][1].set)
    thread.join(30)


@pytest.fixture
def visit(browser, address):
    """Opens the page in a browser of its own; nothing foreign may be fetched, logged or thrown."""
    troubles, contexts = [], []

    def go(width=1280, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = context.new_page()
        page.on("console", lambda m: troubles.append(f"console: {m.text}"))
        page.on("pageerror", lambda e: troubles.append(f"error: {e}"))
        page.on("request", lambda r: None if r.url.startswith(address) else troubles.append(r.url))
        page.goto(address)
        contexts.append((context, page))
        return page

    yield go
    for context, page in contexts:
        assert page.evaluate("window.hit") is None
        context.close()
    assert troubles == []


def at(page, number):
    """Wait until the question of this number is shown. The page's own policy forbids waiting for a predicate."""
    sync_api.expect(page.locator("#count")).to_have_text(re.compile(rf"^{number} of"))


def begin(page, name):
    page.fill("#name", name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#work:not([hidden])")


def truths(run):
    """Question id -> the right answer."""
    return {x["sample_id"]: x["truth"] for x in json.loads((run / "sample.json").read_text())["items"]}


def answer_all(page, right, wrong_at=()):
    """Answer by keyboard, as people do; the places in `wrong_at` get `cannot tell`."""
    for place in range(len(right)):
        at(page, place + 1)
        shown = page.locator("#options button").all_text_contents()
        values = [s[:-1] if s[-1:].isdigit() else s for s in shown]
        asked = page.evaluate("state.item.id")
        if place in wrong_at:
            page.keyboard.press("c")
        elif (number := values.index(right[asked])) < 9:
            page.keyboard.press(str(number + 1))
        else:
            page.locator("#options button").nth(number).click()
        if place + 1 < len(right):
            at(page, place + 2)


def test_two_assessors_a_disagreement_an_adjudication_and_a_certificate(visit, run):
    right = truths(run)
    one = visit()
    begin(one, "Ada")
    answer_all(one, right)
    one.wait_for_selector("#done:not([hidden])")
    two = visit(width=390)
    begin(two, "Bo")
    answer_all(two, right, wrong_at=(3, 11))
    two.wait_for_selector("#done:not([hidden])")
    assert "kappa 0." in two.inner_text("#agree")
    assert "2 of 2 disagreements" in two.inner_text("#mode")
    two.click("#mode")
    two.wait_for_selector("#others:not([hidden])")
    for _ in range(2):
        asked = two.evaluate("state.item.id")
        assert "Ada" not in two.inner_text("#work")
        two.locator("#options button", has_text=right[asked]).first.click()
        two.wait_for_timeout(300)
    two.wait_for_selector("#done:not([hidden])")
    # an open disagreement would count as wrong, so a grant without wrong labels shows that both were settled
    granted = assay.certify(run, answers=run / "answers.csv", alpha=0.2)
    assert (granted.status, granted.claims[0].wrong) == ("granted", 0)


def test_a_click_is_on_the_disk_and_undo_takes_it_back(visit, run):
    page = visit()
    begin(page, "Ada")
    page.keyboard.press("c")
    at(page, 2)
    assert "cannot tell" in (run / "answers.csv").read_text()
    page.keyboard.press("u")
    at(page, 1)
    assert "cannot tell" not in (run / "answers.csv").read_text()
    page.reload()
    begin(page, "Ada")
    assert page.inner_text("#state").startswith("0 of 20")


def test_hostile_turns_are_text(visit):
    page = visit()
    begin(page, "Ada")
    assert "<script>window.hit=1</script>" in page.inner_text("#texts")
    assert page.locator("#texts script, #texts img, #texts svg, #texts a").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_it_is_accessible_and_fits(visit, width, scheme):
    # the page's own policy keeps foreign scripts out, so the checker is evaluated, not loaded
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    page = visit(width, scheme)
    for stage in ("enter", "work"):
        if stage == "work":
            begin(page, "Ada")
        found = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
