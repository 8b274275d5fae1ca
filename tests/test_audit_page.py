"""The report as a page in a real headless Chromium: strict, quiet, readable; text stays text.

Over 300 lines: one browser is started for all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tools
from playwright.sync_api import Browser, Page, sync_playwright
from test_audit_event import ACTOR, ALLOWED, DENIED, READ, WRITE, intent, outcome
from test_audit_report import logged

from sidecar import audit
from sidecar.audit.reports import origin, page

pytestmark = pytest.mark.sockets

ATTACKS = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    '"><svg onload=window.pwned=1>',
    "</title></style></script><script>window.pwned=1</script>",
    "' onmouseover='window.pwned=1",
    "javascript:window.pwned=1",
    "{{constructor.constructor('window.pwned=1')()}}",
    "\u202etxt.exe\x1b[2J",
    "=HYPERLINK(1)",
    "<!--",
)
CUSTOMER = "c000000000000000000007"


def calls() -> Iterator[Any]:
    """A call about each of twelve customers, a refusal, a write, and every attack everywhere."""
    for number in range(12):
        about = {"subjects": [{"kind": "customer", "id": f"c{number:021d}"}]}
        person = ACTOR | {"on_behalf_of": f"user-{number % 3}", "subject": f"agent-{number}"}
        begin = intent(actor=person, data=about)
        seen = {"found": {"EMAIL": 2}, "masked": {"EMAIL": 1}, "kept": {"EMAIL": 1}}
        yield begin
        yield outcome(begin.id, actor=person, data=seen)
    yield outcome(actor=ACTOR, mcp=READ, decision=DENIED, outcome={"status": "refused"})
    yield intent(mcp=WRITE)
    for attack in ATTACKS:
        yield from attacks(attack)


def attacks(attack: str) -> Iterator[Any]:
    person = dict.fromkeys(("endpoint", "issuer", "subject", "on_behalf_of", "purpose"), attack)
    actor = person | {"is_authenticated": True}
    mcp = READ | {"tool": attack, "claimed_client": attack}
    denial = {"code": attack, "message": attack}
    begin = intent(
        actor=actor,
        mcp=mcp,
        decision=ALLOWED,
        data={"subjects": [{"kind": attack, "id": attack}]},
    )
    yield begin
    yield outcome(begin.id, actor=actor, mcp=mcp)
    yield outcome(
        actor=actor,
        mcp=mcp,
        decision=DENIED | {"denials": [denial], "hidden_tools": [attack]},
        outcome={"status": "refused"},
    )
    yield outcome(
        actor={"auth_error": attack},
        src={"ip": attack},
        decision={"result": "deny", "reason": attack},
        outcome={"status": "refused", "http": 401},
    )


@pytest.fixture(scope="module")
def chromium(file: Path) -> Iterator[Browser]:
    """A browser; while it is there, no test of this thread can run a loop of its own."""
    program = tools.require("chromium")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic"]
    quiet += ["--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=quiet)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def subjects_file(file: Path) -> Path:
    """The same log's report about one customer, with what it was made from."""
    log = file.parent / "audit"
    made = file.with_name("subject.html")
    asked = audit.Asked(subject=CUSTOMER)
    found = audit.review(log, asked)
    told = origin.origin(log, found.verification, asked.anchor, asked.keys)
    made.write_text(page.page(found, told), "utf-8")
    return made


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    log = logged(folder / "audit", *calls())
    made = folder / "report.html"
    made.write_text(page.page(audit.report(log)), "utf-8")
    return made


class Opened:
    """A page that was loaded: what it asked for, and what the browser complained of."""

    def __init__(self, browser: Browser, file: Path, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page: Page = self.context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(file.as_uri(), wait_until="networkidle")

    def count(self, selector: str) -> int:
        return self.page.locator(selector).count()


@pytest.fixture
def opened(chromium: Browser, file: Path) -> Iterator[Opened]:
    made = Opened(chromium, file)
    yield made
    made.context.close()


def test_the_page_asks_for_nothing_but_itself_and_the_browser_complains_of_nothing(opened, file):
    assert opened.asked == [file.as_uri()]
    assert opened.complaints == []


def test_the_policy_lets_nothing_run_but_the_pages_own_script(opened):
    content = opened.page.locator("meta[http-equiv]").get_attribute("content")
    assert content.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in content
    opened.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.pwned = 1";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.pwned=1'>");
            const styled = document.createElement("p");
            styled.id = "styled";
            styled.setAttribute("style", "position: fixed");
            document.body.append(styled);
        }"""
    )
    assert opened.page.evaluate("fetch('http://127.0.0.1:9/').catch(() => 'refused')") == "refused"
    assert opened.page.evaluate("window.pwned") is None
    assert (
        opened.page.evaluate("getComputedStyle(document.getElementById('styled')).position")
        == "static"
    )
    assert any("Content Security Policy" in said for said in opened.complaints)
    assert len(opened.complaints) >= 3


def test_what_strangers_wrote_stays_text(opened):
    assert opened.page.evaluate("window.pwned") is None
    assert opened.count("script") == 1
    assert opened.count("img, iframe, object, embed, form, link, [onerror], [onload]") == 0
    assert opened.count("svg [onload], [onmouseover], [style]") == 0
    cells = opened.page.locator("#accesses_by_subject td:nth-child(4)").all_inner_texts()
    for attack in ATTACKS[:7]:
        assert attack in cells
    assert "\\u202etxt.exe\\x1b[2J" in cells
    assert "\u202e" not in opened.page.content()


def test_a_customers_accesses_are_found_by_the_filter_of_every_table(opened):
    opened.page.fill("#everywhere", CUSTOMER.upper())
    rows = opened.page.locator("#accesses_by_subject tbody tr:visible")
    assert rows.count() == 1
    assert CUSTOMER in rows.inner_text()
    assert "for user-1" in rows.inner_text()
    assert opened.page.locator("#calls tbody tr:visible").count() == 0
    assert "1 of " in opened.page.locator("#accesses_by_subject .quiet >> nth=1").inner_text()


def test_a_tables_own_filter_leaves_the_others_alone(opened):
    before = opened.page.locator("#calls tbody tr:visible").count()
    opened.page.locator("#denials input").fill("access.tags")
    assert opened.page.locator("#denials tbody tr:visible").count() == 1
    assert opened.page.locator("#calls tbody tr:visible").count() == before


def test_a_table_is_sorted_by_a_columns_head_up_and_down(opened):
    head = opened.page.locator("#by_human th:nth-child(2) button")
    column = "#by_human tbody td:nth-child(2)"
    head.click()
    up = [int(text) for text in opened.page.locator(column).all_inner_texts()]
    head.click()
    down = [int(text) for text in opened.page.locator(column).all_inner_texts()]
    assert up == sorted(up) != down
    assert down == sorted(up, reverse=True)
    assert opened.count("#by_human th[aria-sort=descending]") == 1


def test_the_plots_show_messages_by_verdict_agents_and_categories(opened):
    for verdict in ("allow", "deny"):
        assert opened.count(f"figure.over-time rect.{verdict}") > 0
    assert opened.count("figure >> nth=1 >> rect") == 15
    assert "EMAIL, masked: 12" in opened.page.locator("figure >> nth=2").inner_text()


def test_a_first_reader_finds_both_answers_at_the_top(opened):
    box = opened.page.locator("#answer").inner_text()
    assert "Who saw whose data?" in box
    assert "Could anyone have changed this log?" in box
    assert "No change was found" in box
    assert opened.page.locator("#answer").bounding_box()["y"] < 300
    kept = opened.page.locator("#retention_pruning_erasure").inner_text()
    for word in ("how long", "pruning", "erasing"):
        assert word in kept


def test_without_script_every_row_is_there(chromium, file):
    made = Opened(chromium, file, java_script_enabled=False)
    assert made.count("input") == 0
    assert made.page.locator("#accesses_by_subject tbody tr:visible").count() >= 12
    made.context.close()


def test_the_page_fits_a_narrow_screen(chromium, file):
    made = Opened(chromium, file, viewport={"width": 300, "height": 600})
    assert made.page.evaluate("document.documentElement.scrollWidth") <= 300
    made.context.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_no_word_of_a_table_breaks_between_its_letters(chromium, file, width):
    made = Opened(chromium, file, viewport={"width": width, "height": 900})
    assert made.page.evaluate(BROKEN_WORDS) == []
    made.context.close()


def test_a_time_is_cut_to_seconds_and_whole_in_its_title(opened):
    cell = opened.page.locator("#by_human tbody tr:first-child td:last-child")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", cell.inner_text())
    assert re.fullmatch(r"[^ ]+T[^ ]+Z", cell.get_attribute("title"))
    assert not re.search(r"\d\dT\d\d:\d\d", opened.page.locator("body").inner_text())


def test_the_accesses_to_a_subject_stand_under_the_answer_and_only_there(chromium, subjects_file):
    made = Opened(chromium, subjects_file)
    assert made.count("#answer + #accesses_to_this_subject") == 1
    assert made.count("#accesses_to_this_subject") == 1
    assert made.page.locator("#accesses_to_this_subject th").last.inner_text() == "event"
    made.context.close()


def test_a_line_under_the_heading_says_what_the_report_was_made_from(chromium, subjects_file):
    made = Opened(chromium, subjects_file)
    line = made.page.locator("h1 + #origin").inner_text()
    log = subjects_file.parent / "audit"
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(
        rf"Log {re.escape(str(log))}, instance \S+, {moment} to {moment} \(UTC\); "
        rf"made {moment} by sidecar \S+; key: none; anchors: none\.",
        line,
    )
    made.context.close()


def test_tables_of_known_rows_have_no_filter_and_no_count(opened):
    for key in ("integrity", "trust", "retention_pruning_erasure"):
        assert opened.count(f"#{key} table") == 1
        assert opened.count(f"#{key} input, #{key} button") == 0
        assert opened.count(f"nav li:has([href='#{key}']) span") == 0
    number = opened.page.locator("#integrity td.count").first
    assert number.evaluate("cell => getComputedStyle(cell).textAlign") in {"left", "start"}


def test_what_was_returned_unmasked_has_not_the_colour_of_what_was_masked(opened):
    names = opened.page.locator("figure >> nth=2 >> .bars span").all_inner_texts()
    colours = opened.page.locator("figure >> nth=2 >> rect").evaluate_all(
        "bars => bars.map((bar) => getComputedStyle(bar).fill)"
    )
    of = {name.partition(":")[0]: colour for name, colour in zip(names, colours, strict=True)}
    assert of["EMAIL, returned"] != of["EMAIL, masked"]


def test_what_is_to_be_typed_is_marked_as_code(opened):
    assert opened.count("code") > 0
    assert "`" not in opened.page.locator("#answer").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_is_readable_in_light_and_dark(chromium, file, scheme):
    """(WCAG 2.2, 1.4.3) 4.5 to 1 for text of this size."""
    made = Opened(chromium, file, color_scheme=scheme)
    weak = made.page.evaluate(CONTRAST)
    assert weak == []
    paper = made.page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", paper)[:3]))
    assert (brightness > 384) == (scheme == "light")
    made.context.close()


BROKEN_WORDS = """() => {
    const broken = [];
    for (const cell of document.querySelectorAll("td, th")) {
        const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            for (const word of walker.currentNode.data.matchAll(/\\b[A-Za-z0-9_]{2,40}\\b/g)) {
                const range = document.createRange();
                range.setStart(walker.currentNode, word.index);
                range.setEnd(walker.currentNode, word.index + word[0].length);
                const lines = new Set([...range.getClientRects()].map((box) => box.top));
                if (lines.size > 1) broken.push(word[0]);
            }
        }
    }
    return broken;
}"""

CONTRAST = """() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => {
        const [r, g, b] = parts(colour).slice(0, 3).map((c) => {
            const s = c / 255;
            return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const colour = getComputedStyle(one).backgroundColor;
            const alpha = parts(colour)[3];
            if (alpha === undefined || alpha > 0) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const weak = [];
    const texts = "h1, h2, p, a, td, th, th button, li, span, input, figcaption";
    for (const element of document.querySelectorAll(texts)) {
        if (!element.textContent.trim() && element.tagName !== "INPUT") continue;
        const pair = [getComputedStyle(element).color, behind(element)].map(light);
        const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        if (ratio < 4.5) weak.push(`${element.tagName} ${element.textContent} ${ratio}`);
    }
    return weak;
}"""
