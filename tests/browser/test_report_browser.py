from pathlib import Path

import pytest
from made_run import make_run

from assay.pages.report import write_report
from assay.records import Session, Turn

CHROMIUM = Path("/usr/bin/chromium")
ARGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
ATTACK = "</script><script>window.hit=1</script><img src=x onerror='window.hit=2'>"

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    make_run(directory, more=(Session(id="evil one", turns=(Turn(speaker="user", text=ATTACK),)),))
    return write_report(directory)


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, report):
    """Opens the report; at the end nothing may have been fetched, logged or thrown."""
    troubles: list[str] = []
    pages = []

    def go(width: int = 1400, fragment: str = ""):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda m: troubles.append(f"console: {m.text}"))
        page.on("pageerror", lambda e: troubles.append(f"error: {e}"))
        page.on("request", lambda r: troubles.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
        page.goto(report.as_uri() + fragment)
        pages.append(page)
        return page

    yield go
    for page in pages:
        assert page.evaluate("window.hit") is None
        page.close()
    assert troubles == []


def settle(page) -> None:
    # the page's own policy forbids the evaluated strings that waiting for a predicate would need
    page.wait_for_timeout(300)


def shown(page) -> list[str]:
    return page.eval_on_selector_all("details.session:not([hidden])", "nodes => nodes.map(n => n.id)")


def test_suspect_labels_can_be_found_and_one_session_read(visit):
    page = visit()
    assert len(shown(page)) == 21
    page.select_option("#f-tier", "suspect")
    page.select_option("#f-name", "slots.reason")
    settle(page)
    left = shown(page)
    assert 0 < len(left) < 21
    assert f"{len(left)} sessions of 21" in page.inner_text("#found")
    page.click(f"[id='{left[0]}'] > summary")
    said = page.inner_text(f"[id='{left[0]}'] .turns")
    assert "the order number is NB-" in said
    hit = page.locator(f"[id='{left[0]}'] .chip.hit")
    assert hit.count() == 1
    hit.locator("summary").click()
    assert "suspect" in hit.inner_text()
    assert page.locator(f"[id='{left[0]}'] mark").first.inner_text() in said
    page.click("button[type=reset]")
    settle(page)


def test_verdict_goal_search_and_order(visit):
    page = visit()
    page.select_option("#f-code", "CO05:contradicted")
    settle(page)
    assert all("CO05" in page.inner_text(f"[id='{i}'] .against") for i in shown(page))
    page.select_option("#f-code", "")
    page.fill("#f-text", "disappointing")
    settle(page)
    assert all("disappointing" in page.text_content(f"[id='{i}']") for i in shown(page))
    page.fill("#f-text", "")
    settle(page)
    before = shown(page)
    page.select_option("#f-order", "worst")
    assert sorted(shown(page)) == sorted(before)
    assert shown(page) != before


def test_keys_move_and_a_link_opens_its_session(visit):
    page = visit()
    for key in "jjk":
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.closest('details.session').id") == "session-s00000"
    page.keyboard.press("Enter")
    assert page.evaluate("document.getElementById('session-s00000').open")
    # A details element tells of its opening in a task of its own, after the key has been dealt with.
    page.wait_for_function("location.hash === '#session-s00000'")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "f-text"
    page.keyboard.type("jjj")
    assert page.input_value("#f-text") == "jjj"
    linked = visit(fragment="#session-s00003")
    assert linked.evaluate("document.getElementById('session-s00003').open")
    spaced = visit(fragment="#session-evil%20one")
    assert spaced.evaluate("document.getElementById('session-evil one').open")
    assert ATTACK in spaced.inner_text("[id='session-evil one'] .text")


@pytest.mark.parametrize("width", [380, 768, 1400])
def test_nothing_overflows_sideways(visit, width):
    page = visit(width)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.evaluate(
        "w => [...document.querySelectorAll('main *:not(.sr):not(svg *)')]"
        ".filter(n => n.getBoundingClientRect().right > w + 1).length",
        width,
    )
    assert wide == 0
