"""Looking at a page as the kiosk shows it: Chromium, four looks, and what is wrong with what it shows."""

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page

ARGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE: Final = Path(__file__).parents[3] / "build/npm/node_modules/axe-core/axe.min.js"
Look = tuple[int, int, str, str]  # width, height, language, colours
LOOKS: Final[tuple[Look, ...]] = (
    (480, 800, "zh", "light"),
    (480, 800, "en", "dark"),
    (1024, 600, "zh", "dark"),
    (1024, 600, "en", "light"),
)
OVERFLOWS: Final = "document.documentElement.scrollWidth > innerWidth"
DOCK_IN_VIEW: Final = """(() => {
  const dock = document.querySelector(".dock").getBoundingClientRect();
  return dock.top >= 0 && dock.bottom <= innerHeight + 1;
})()"""
CUT_OFF: Final = """[...document.querySelectorAll("button, a.button, h1, h2, dd, dt, b")]
  .filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline")
  .filter((e) => e.clientWidth > 1).map((e) => e.outerHTML.slice(0, 90))"""
SMALL_TARGETS: Final = """[...document.querySelectorAll("button, a.button, a.tile, a.row, a.again, select, .icon-button")]
  .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 44).map((e) => e.outerHTML.slice(0, 90))"""


def open_page(chromium: Browser, url: str, look: Look = LOOKS[0], **options: Any) -> Page:
    width, height, language, theme = look
    context = chromium.new_context(viewport={"width": width, "height": height}, **options)
    cookies = {"evertill_language": language, "evertill_theme": theme}
    context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
    return context.new_page()


def faults(page: Page, name: str) -> list[str]:
    found = ["it is wider than the screen"] if page.evaluate(OVERFLOWS) else []
    found += [] if page.evaluate(DOCK_IN_VIEW) else ["its dock is out of view"]
    found += [f"cut off: {each}" for each in page.evaluate(CUT_OFF)]
    found += [f"too small: {each}" for each in page.evaluate(SMALL_TARGETS)]
    return [f"{name}: {fault}" for fault in [*found, *barriers(page)]]


def barriers(page: Page) -> list[str]:
    """What axe-core finds serious."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [each for each in result["violations"] if each["impact"] in {"serious", "critical"}]
    return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in serious]
