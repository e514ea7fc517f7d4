"""A byte changed anywhere in what is signed: it is refused with a code, or what comes out is exactly what was signed.

All of them are some seven thousand; a run takes a seeded sample from each file, its ends included, and says the seed. `EVERTILL_FLIPS=all` takes all.
"""

import os
import random
import secrets
from collections.abc import Callable
from typing import Final

import pytest

from evertill.protocol.release import Release
from evertill.terminal.errors import WORDINGS, TerminalRefused
from tests.terminal.trust.mint import Mint
from tests.terminal.trust.terminal import Terminal

PER_FILE: Final = 24
SEED: Final = int(os.environ.get("EVERTILL_FLIPS_SEED", "0")) or secrets.randbits(31)
PARTS: Final = ("timestamp.json", "snapshot.json", "targets.json", "releases/", "floor.json", "operator.json")


def places(body: bytes) -> list[tuple[int, int]]:
    """Which byte, and which of its bits."""
    dice = random.Random(f"{SEED}-{len(body)}")
    chosen = set(range(len(body)))
    if os.environ.get("EVERTILL_FLIPS") != "all":
        chosen = {0, len(body) - 1, *dice.sample(sorted(chosen), min(PER_FILE, len(body)))}
    return [(at, 1 << dice.randrange(8)) for at in sorted(chosen)]


def outcome(terminal: Terminal) -> tuple[str, Release | None]:
    try:
        trust = terminal.refresh()
        trust.floor()
        trust.operator()
        return "", trust.release(1)
    except TerminalRefused as refused:
        return refused.code, None


@pytest.mark.parametrize("part", PARTS)
def test_flipped_byte_is_refused_or_changes_nothing(
    mint: Mint, make_terminal: Callable[..., Terminal], part: str
) -> None:
    signed = mint.put_release(mint.put_component())
    mint.publish()
    (path,) = (path for path in mint.files if part in path)
    honest = mint.files[path]
    assert isinstance(honest, bytes)
    assert outcome(make_terminal()) == ("", signed)
    harmless = 0
    for at, bit in places(honest):
        mint.files[path] = bytes([*honest[:at], honest[at] ^ bit, *honest[at + 1 :]])
        code, release = outcome(make_terminal())
        where = f"byte {at} of {path} ^ {bit}, seed {SEED}"
        if code:
            assert code in WORDINGS, where
        else:
            assert release == signed, where
            harmless += 1
    assert harmless <= len(places(honest)) // 4, "a signature may be doubled or a space moved; content may not"
