"""Integer ids that foreign clients can hold: one sequence per name, never above 2³¹−1.

SWUpdate parses action and module ids as a C int (DDI facts §2), so both come from the sequence `device`. A number handed out is never handed out again,
even when the transaction that took it is rolled back into a gap.
"""

from __future__ import annotations

from django.db import connection

DEVICE = "device"
RELEASE = "release"
LARGEST = 2**31 - 1

_TAKE = """
INSERT INTO kernel_sequence (name, last) VALUES (%s, %s)
ON CONFLICT (name) DO UPDATE SET last = kernel_sequence.last + %s
RETURNING last
"""
_RAISE = """
INSERT INTO kernel_sequence (name, last) VALUES (%s, %s)
ON CONFLICT (name) DO UPDATE SET last = CASE WHEN kernel_sequence.last < excluded.last THEN excluded.last ELSE kernel_sequence.last END
"""


class SequenceExhaustedError(RuntimeError):
    """2³¹−1 ids were handed out: a bug or an attack, not something a caller can answer."""


def take(name: str, count: int = 1) -> range:
    """`count` fresh ids, in order."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [name, count, count])
        (last,) = cursor.fetchone()
    if last > LARGEST:
        raise SequenceExhaustedError(name)
    return range(last - count + 1, last + 1)


def take_one(name: str) -> int:
    return take(name)[0]


def never_below(name: str, used: int) -> None:
    """Hands out only numbers above `used` from now on (after a restore, the signed targets know more than the table)."""
    with connection.cursor() as cursor:
        cursor.execute(_RAISE, [name, used])
