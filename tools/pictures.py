"""Takes the pictures of README and guides from a running demo: python tools/pictures.py FOLDER [--of FILE]

It starts a demo, waits for the end of its story, and visits it as a person would; FILE is what a demo that runs already has printed. The pictures are the pages as they are:
nothing is drawn, and one that is too big is an error. Needs Chromium (EVERTILL_CHROMIUM, or on PATH).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

EVERTILL = Path(sys.executable).with_name("evertill")
OFF = "DEMO-1008"
BIGGEST_BYTES = 200_000
PATIENCE_MS = 60_000
READY = "Ctrl-C ends it"
ADMIN = re.compile(r"Console +(\S+)/\n +(\S+) +(\S+)")
TERMINAL = re.compile(r"(http://\S+)/ +" + OFF + r".*\n.*owner's PIN (\d+)")


class Visit(NamedTuple):
    """Where the demo is, and what to sign in with."""

    console: str
    login: str
    password: str
    terminal: str
    owner_pin: str


def visit_of(printed: str) -> Visit:
    console, terminal = ADMIN.search(printed), TERMINAL.search(printed)
    if console is None or terminal is None or READY not in printed:
        sys.exit("This is not what a demo prints whose story came to its end.")
    return Visit(*console.groups(), *terminal.groups())


def take(folder: Path, visit: Visit) -> None:
    """Every picture in both languages; the last one leaves the demo's terminal waiting for a settlement."""
    folder.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("EVERTILL_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for language in ("zh", "en"):
            _console(browser, folder, visit, language)
            page = _terminal(browser, visit, language)
            _shoot(page, f"{visit.terminal}/update", folder / f"terminal-offer-{language}.png")
            _shoot(page, f"{visit.terminal}/update/off", folder / f"terminal-off-{language}.png")
        _install_now(_terminal(browser, visit, "zh"), visit)
        for language in ("zh", "en"):
            page = _terminal(browser, visit, language)
            _shoot(page, f"{visit.terminal}/update", folder / f"terminal-waiting-{language}.png")
        browser.close()


def _console(browser: Browser, folder: Path, visit: Visit, language: str) -> None:
    locale = {"zh": "zh-CN", "en": "en-GB"}[language]
    page = browser.new_context(locale=locale, viewport={"width": 1280, "height": 860}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{visit.console}/")
    page.fill("input[name=login]", visit.login)
    page.fill("input[name=password]", visit.password)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=OFF).first.wait_for()
    _shoot(page, f"{visit.console}/terminals/{OFF}", folder / f"console-terminal-{language}.png")
    page.goto(f"{visit.console}/rollouts")
    links = page.locator("a[href^='/rollouts/']").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    newest = max(int(link.rpartition("/")[2]) for link in links if link.rpartition("/")[2].isdecimal())
    _shoot(page, f"{visit.console}/rollouts/{newest}", folder / f"console-rollout-{language}.png")


def _terminal(browser: Browser, visit: Visit, language: str) -> Page:
    context = browser.new_context(viewport={"width": 480, "height": 800})
    context.add_cookies([{"name": "evertill_language", "value": language, "url": visit.terminal}])
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


def _install_now(page: Page, visit: Visit) -> None:
    """The owner wants it at once; there is a sale that is not settled, so it waits, and says so."""
    page.goto(f"{visit.terminal}/update")
    page.locator("a[href$='/now']").first.click()
    page.fill("input[name=pin]", visit.owner_pin)
    page.locator("form:has(input[name=pin])").evaluate("form => form.requestSubmit(form.querySelector('[name=go]'))")
    page.get_by_text("TILL_BATCH_UNSETTLED").first.wait_for(state="attached")


def _shoot(page: Page, url: str, file: Path) -> None:
    page.goto(url)
    page.evaluate("document.fonts.ready")
    page.screenshot(path=file, animations="disabled")
    size_bytes = file.stat().st_size
    if size_bytes > BIGGEST_BYTES:
        sys.exit(f"{file.name} has {size_bytes} bytes, more than {BIGGEST_BYTES}.")
    print(f"{file}  {size_bytes} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes the pictures of README and guides from a running demo.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--of", type=Path, metavar="FILE", help="what a running demo printed")
    words = parser.parse_args()
    if words.of:
        take(words.folder, visit_of(words.of.read_text(encoding="utf-8")))
        return
    with subprocess.Popen([EVERTILL, "demo"], stdout=subprocess.PIPE, text=True) as demo:
        try:
            printed = ""
            while READY not in printed and (line := demo.stdout.readline() if demo.stdout else ""):
                printed += line
            take(words.folder, visit_of(printed))
        finally:
            demo.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
