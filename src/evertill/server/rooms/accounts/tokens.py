"""Random tokens and their hashes: what a device, a gateway or a system shows, and what we keep of it.

A token has 190 bits from the system's generator, so one plain SHA-256 is enough (a slow hash would cost 181 µs a poll: docs/architecture.md); comparison is
constant-time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string

ALPHABET = string.ascii_letters + string.digits
LENGTH = 32  # as hawkBit's own (DDI facts §1)


def fresh() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def same(known_digest: str, token: str) -> bool:
    """Whether `token` is the one whose digest we keep, in constant time."""
    return hmac.compare_digest(known_digest, digest(token))
