"""A real Chromium for tests: the system's own, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")  # the first: tests run as root
PATIENCE = 60_000  # ms: a busy machine starts a server and a kernel in its own time


@contextmanager
def chromium() -> Iterator[BrowserContext]:
    """A fresh browser without a cache or cookies, English, in UTC. Raises LookupError where there is no Chromium."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise LookupError("There is no Chromium. On Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS])
        try:
            context = browser.new_context(
                viewport={"width": 1400, "height": 1000}, locale="en-GB", timezone_id="UTC", accept_downloads=True
            )
            context.set_default_timeout(PATIENCE)
            expect.set_options(timeout=PATIENCE)
            yield context
        finally:
            browser.close()


def log_in(page: Page, address: str, name: str, password: str) -> None:
    """Through the Hub's login form, as a person does."""
    page.goto(f"{address}/hub/login")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def picture(page: Page, folder: Path, name: str) -> None:
    """What is seen now, for whoever reads a failed test."""
    folder.mkdir(exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")
