"""Random tokens and their hashes: what a device, a gateway or a system shows, and what we keep of it.

A token has 190 bits from the system's generator, so one plain SHA-256 is enough (a slow hash would cost 181 µs a poll: docs/architecture.md); comparison is
constant-time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

ALPHABET = string.ascii_letters + string.digits
LENGTH = 32  # as hawkBit's own (DDI facts §1)
_HEX = 64  # letters of a digest


def fresh() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def word(known_digest: str, ends_at: datetime | None) -> str:
    """A token's hash and, after an @, the Unix second in which it ends: what a door needs to know, in one word."""
    return known_digest if ends_at is None else f"{known_digest}@{int(ends_at.timestamp())}"


def opens(words: str, token: str, now: datetime) -> bool:
    """Whether `token` is one that these words name and that has not ended. Each is compared, in constant time."""
    shown = digest(token)
    fits = [hmac.compare_digest(each[:_HEX], shown) and not _has_ended(each, now) for each in words.split()]
    return any(fits)


def _has_ended(each: str, now: datetime) -> bool:
    return len(each) > _HEX and int(each[_HEX + 1 :]) <= now.timestamp()
