"""The whole story in a real Chromium at a real Hub: fetch, edit, check, submit, receipt, feedback; then formgrader."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.support import hub as hubs
from tests.support.browser import chromium, log_in, picture

pytestmark = pytest.mark.xdist_group("story in a browser")

ASSIGNMENT = hubs.ASSIGNMENT
UPHILL = """\
def line_step(m, b, x, y, lr):
    r = m * x + b - y
    return m + lr * 2 * np.mean(r * x), b + lr * 2 * np.mean(r)"""
SENTENCE = "one step is right when there is a single data point"  # of the hidden check that fails


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Running]:
    folder = tmp_path_factory.mktemp("story")
    hubs.make_course(folder / "course")
    with hubs.running(folder / "course", folder / "home") as hub:
        yield hub


@pytest.fixture
def browser() -> Iterator[BrowserContext]:
    with chromium() as context:
        yield context


@pytest.fixture
def student(browser: BrowserContext, hub: hubs.Running, tmp_path: Path) -> Iterator[Page]:
    """JupyterLab of a student who has just logged in. What was seen last lies in the folder of the test."""
    page = browser.new_page()
    log_in(page, hub.url, "student1", hub.passwords["student1"])
    page.wait_for_url(re.compile(r"/user/student1/lab"))
    yield page
    picture(page, tmp_path, "student")


def test_from_fetching_to_feedback_and_formgrader(student: Page, browser: BrowserContext, hub: hubs.Running) -> None:
    assignments = open_assignment_list(student)
    listed(assignments, "released").get_by_text("Fetch", exact=True).click()
    expect(listed(assignments, "fetched")).to_be_visible()

    open_notebook(student, assignments)
    write(student, "def line_step", UPHILL)
    found = run_up_to(student, "%selfcheck line_step")
    expect(found).to_contain_text("line_step(m = 0, b = 0, x = [1, 2], y = [2, 4], lr = 0.1)")
    save(student)

    student.locator(".lm-TabBar-tab", has_text="Assignments").first.click()
    listed(assignments, "fetched").get_by_text("Submit", exact=True).click()
    expect(listed(assignments, "submitted")).to_contain_text(f"receipts/course/{ASSIGNMENT}-1.json")

    result = look_at_result(browser, hub)
    listed(assignments, "submitted").get_by_text("Fetch Feedback").click()
    expect(assignments.get_by_text("(view feedback)")).to_be_visible()
    assert "uphill" in feedback_in_lab(student, assignments)
    verify_receipt(browser, hub, result)
    look_into_formgrader(browser, hub)


def open_assignment_list(page: Page) -> Locator:
    page.locator(".lm-MenuBar-item", has_text="Nbgrader").click()
    page.locator(".lm-Menu-item", has_text="Assignment List").click()
    assignments = page.locator("#nbgrader-assignment-list")
    expect(assignments).to_be_visible()
    return assignments


def listed(assignments: Locator, kind: str) -> Locator:
    """Our assignment among those that are released, fetched or submitted."""
    return assignments.locator(f"#{kind}_assignments_list > .list_item", has_text=ASSIGNMENT)


def open_notebook(page: Page, assignments: Locator) -> None:
    fetched = listed(assignments, "fetched")
    fetched.locator(".assignment-notebooks-link").click()
    fetched.locator(".nested_list_item .item_name a").click()
    page.locator(".jp-Notebook").wait_for()
    expect(page.locator(".jp-Notebook-ExecutionIndicator").first).to_have_attribute("data-status", "idle")


def cell(page: Page, text: str) -> Locator:
    """The code cell of the open notebook that holds this text."""
    return page.locator(".jp-Notebook .jp-CodeCell", has=page.locator(".cm-content", has_text=text)).first


def write(page: Page, where: str, text: str) -> None:
    """Replace what is in a cell."""
    editor = cell(page, where).locator(".cm-content")
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    assert editor.inner_text().strip() == text


def run_up_to(page: Page, text: str) -> Locator:
    """Run all cells above, then this one; its output."""
    wanted = cell(page, text)
    run_all_above(page, wanted)
    wanted.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    return wanted.locator(".jp-OutputArea")


def run_all_above(page: Page, below: Locator) -> None:
    """Again where JupyterLab does nothing the first time, which it does now and then after a notebook was opened."""
    loading = cell(page, "%load_ext assay.selfcheck").locator(".jp-InputPrompt").first
    for _ in range(3):
        below.locator(".cm-content").click()
        page.locator(".lm-MenuBar-item", has_text="Run").click()
        page.locator(".lm-Menu-item", has_text="Run All Above Selected Cell").click()
        with suppress(AssertionError):
            expect(loading).not_to_have_text("[ ]:", timeout=10_000)
            break
    expect(loading).to_have_text(re.compile(r"\[\d+\]:"))


def save(page: Page) -> None:
    page.keyboard.press("Control+S")
    expect(page.locator(".jp-mod-current.jp-mod-dirty")).to_have_count(0)


def look_at_result(browser: BrowserContext, hub: hubs.Running) -> Page:
    """The plain page of the attempt, which shows by itself when it is graded."""
    page = browser.new_page()
    page.goto(f"{hub.url}/services/exchange/")
    page.get_by_role("link", name=f"{ASSIGNMENT}, attempt 1").click()
    expect(page.get_by_role("row", name="line_step")).to_contain_text("0")
    expect(page.locator("body")).to_contain_text("receipt.json")
    shown = page.frame_locator("iframe").locator("body")
    expect(shown).to_contain_text(SENTENCE)
    expect(shown).to_contain_text(re.compile(r"got -.*, expected .*line_step\(m = 0, b = 0, x = "))
    return page


def feedback_in_lab(page: Page, assignments: Locator) -> str:
    """The fetched page, opened from the file browser as a student would."""
    assignments.get_by_text("(view feedback)").click()
    page.locator(".jp-DirListing-item", has_text=f"{ASSIGNMENT}.html").dblclick()
    frame = page.frame_locator("iframe.jp-HTMLViewer, .jp-HTMLViewer iframe").locator("body")
    expect(frame).to_contain_text(SENTENCE)
    return frame.inner_text()


def verify_receipt(browser: BrowserContext, hub: hubs.Running, page: Page) -> None:
    """Download it, and have it verified with the public key alone."""
    with page.expect_download() as download:
        page.get_by_role("link", name="receipt.json").press("Enter")
    receipt = download.value.path()
    key = receipt.with_name("key.pem")
    key.write_bytes(browser.request.get(f"{hub.url}/services/exchange/api/v1/key").body())
    command = [str(Path(sys.executable).with_name("assay")), "receipt", "verify", str(receipt), "--key", str(key)]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60).returncode == 0
    told = json.loads(receipt.read_text())
    assert (told["student"], told["assignment"], told["number"]) == ("student1", ASSIGNMENT, 1)
    told["student"] = "student2"
    receipt.write_text(json.dumps(told))
    assert subprocess.run(command, capture_output=True, text=True, timeout=60).returncode == 2


def look_into_formgrader(browser: BrowserContext, hub: hubs.Running) -> None:
    """As the instructor, who is another person in another browser."""
    assert browser.browser is not None
    with browser.browser.new_context() as other:
        page = other.new_page()
        log_in(page, hub.url, "instructor1", hub.passwords["instructor1"])
        page.goto(f"{hub.url}/services/course/formgrader/manage_submissions/{ASSIGNMENT}")
        row = page.get_by_role("row", name="student1")
        expect(row).to_contain_text("graded")
        expect(row).to_contain_text("0 / 31")
        row.locator(".autograde a").click()  # in the server of the course, which is shut in as well
        expect(page.locator(".modal-title")).to_have_text("Success")
        expect(page.locator(".modal-body")).to_contain_text(
            f"Successfully autograded '{ASSIGNMENT}' for student 'student1'."
        )
