"""Every colour pair that our pages put together passes WCAG 2.2 AA, in the light and the dark theme."""

from __future__ import annotations

import re

import pytest

from evertill import look

TEXT, GRAPHIC = 4.5, 3.0
STATES = ("good", "wait", "ask", "need", "move", "off", "mute")
PAIRS = [
    *[
        (ink, ground, TEXT)
        for ink in ("ink", "ink-2", "ink-3", "accent-ink")
        for ground in ("ground", "surface", "sunk", "raised")
    ],
    *[("on-accent", button, TEXT) for button in ("accent", "accent-hover", "accent-press")],
    *[("on-choice", button, TEXT) for button in ("choice", "choice-hover", "choice-press")],
    *[(ink, "accent-soft", TEXT) for ink in ("accent-ink", "ink", "ink-2", "ink-3")],
    *[(f"{state}-ink", ground, TEXT) for state in STATES for ground in (f"{state}-soft", "surface", "ground")],
    *[(ink, f"{state}-soft", TEXT) for state in STATES for ink in ("ink", "ink-2", "accent-ink")],
    *[(f"on-{state}", f"{state}-mark", GRAPHIC) for state in STATES],
    ("on-ask", "ask-mark", TEXT),
    *[(f"{state}-mark", ground, GRAPHIC) for state in STATES for ground in ("surface", "ground", f"{state}-soft")],
    *[(f"chart-{number}", ground, GRAPHIC) for number in range(1, 6) for ground in ("surface", "chart-window")],
    *[("chart-axis", ground, TEXT) for ground in ("surface", "chart-window")],
    *[("line-firm", ground, GRAPHIC) for ground in ("surface", "ground")],
    *[("focus", ground, GRAPHIC) for ground in ("surface", "ground", "focus-gap")],
]


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6})\b", block))


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _ratio(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


CSS = (look.FOLDER / "tokens.css").read_text(encoding="utf-8")
LIGHT = _colours(CSS[CSS.index(":root {") : CSS.index('[data-surface="terminal"]')])
ASKED_DARK = _colours(CSS[CSS.index('[data-theme="dark"], .dark {') : CSS.index("@media (prefers-color-scheme")])
SYSTEM_DARK = _colours(CSS[CSS.index("@media (prefers-color-scheme") : CSS.index("@media (prefers-reduced-motion")])


@pytest.mark.parametrize("theme", [LIGHT, LIGHT | ASKED_DARK], ids=["light", "dark"])
def test_every_pair_has_enough_contrast(theme: dict[str, str]) -> None:
    low = [
        f"{a} on {b}: {_ratio(theme[a], theme[b]):.2f} < {least}"
        for a, b, least in PAIRS
        if _ratio(theme[a], theme[b]) < least
    ]
    assert low == []


def test_the_two_dark_blocks_are_the_same() -> None:
    assert ASKED_DARK == SYSTEM_DARK
