"""Operators and their PINs: 99 system admin, 00 supervisor, 01 and up cashiers. No PIN exists until a person sets it.

PINs are kept as scrypt hashes (N=2^13, r=8, p=10: one of OWASP's equal choices, 8 MiB for a small terminal). Five wrong
tries lock an operator for ten minutes; the count is kept in the journal, so a restart does not forget it.
"""

import hmac
import os
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import scrypt
from itertools import pairwise

from till.clock import stamp
from till.errors import Refused

ADMIN, SUPERVISOR, FIRST_CASHIER = "99", "00", "01"
LEAST_PIN, MOST_PIN = 6, 12
WRONG_TRIES = 5
LOCK = timedelta(minutes=10)
WELL_KNOWN = frozenset({"112233", "147258", "159357", "258369", "123321", "520131", "135790", "246810"})


@dataclass(frozen=True)
class Operator:
    """Somebody who may sign in."""

    number: str
    role: str


@dataclass(frozen=True)
class PinCheck:
    """What is needed to compare a PIN outside a transaction: hashing takes a fifth of a second."""

    operator: Operator
    salt: bytes
    hash: bytes

    def fits(self, pin: str) -> bool:
        """Whether this is the operator's PIN."""
        return hmac.compare_digest(_hash(pin, self.salt), self.hash)


def role_of(number: str) -> str:
    """What an operator's number says about their role."""
    return {ADMIN: "admin", SUPERVISOR: "supervisor"}.get(number, "cashier")


def check_new_pin(pin: str) -> None:
    """Refuses a PIN that is too short or that anybody would try.

    Raises:
        Refused: PIN_TOO_SHORT, PIN_TRIVIAL.
    """
    if not (pin.isascii() and pin.isdigit() and LEAST_PIN <= len(pin) <= MOST_PIN):
        raise Refused("PIN_TOO_SHORT")
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    repeats = any(pin == (pin[:size] * len(pin))[: len(pin)] for size in range(1, len(pin) // 2 + 1))
    if len(steps) == 1 or repeats or len(set(pin)) < 3 or pin in WELL_KNOWN:  # noqa: PLR2004 (three different digits)
        raise Refused("PIN_TRIVIAL")


def set_pin(db: sqlite3.Connection, number: str, pin: str) -> None:
    """Sets an operator's PIN, making the operator if there is none; locks and wrong tries are forgotten."""
    check_new_pin(pin)
    salt = os.urandom(16)
    db.execute(
        "INSERT INTO operators (number, role, pin_salt, pin_hash) VALUES (:number, :role, :salt, :hash)"
        " ON CONFLICT (number) DO UPDATE SET pin_salt = :salt, pin_hash = :hash, wrong_tries = 0, locked_until = NULL, active = 1",
        {"number": number, "role": role_of(number), "salt": salt, "hash": _hash(pin, salt)},
    )


def admit(db: sqlite3.Connection, number: str) -> None:
    """Makes an operator, if there is none, whom no PIN fits: for trials that sell without signing in."""
    db.execute(
        "INSERT INTO operators (number, role, pin_salt, pin_hash) VALUES (?, ?, ?, ?) ON CONFLICT (number) DO NOTHING",
        (number, role_of(number), b"", b""),
    )


def everyone(db: sqlite3.Connection) -> list[Operator]:
    """Active operators, cashiers first, then supervisor and admin."""
    rows = db.execute(
        "SELECT number, role FROM operators WHERE active ORDER BY role = 'admin', role = 'supervisor', number"
    )
    return [Operator(*row) for row in rows]


def pin_check(db: sqlite3.Connection, number: str, now: datetime) -> PinCheck:
    """What to compare a PIN with.

    Raises:
        Refused: OPERATOR_UNKNOWN, PIN_LOCKED with `until`.
    """
    row = db.execute(
        "SELECT number, role, pin_salt, pin_hash, locked_until FROM operators WHERE number = ? AND active", (number,)
    ).fetchone()
    if row is None:
        raise Refused("OPERATOR_UNKNOWN")
    if row[4] is not None and stamp(now) < row[4]:
        raise Refused("PIN_LOCKED", until=row[4])
    return PinCheck(Operator(row[0], row[1]), row[2], row[3])


def note_wrong_pin(db: sqlite3.Connection, number: str, now: datetime) -> Refused:
    """Counts a wrong try, locks after the fifth, and returns what to tell the person."""
    (tries,) = db.execute(
        "UPDATE operators SET wrong_tries = wrong_tries + 1 WHERE number = ? RETURNING wrong_tries", (number,)
    ).fetchone()
    if tries < WRONG_TRIES:
        return Refused("PIN_WRONG", left=WRONG_TRIES - tries)
    until = stamp(now + LOCK)
    db.execute("UPDATE operators SET wrong_tries = 0, locked_until = ? WHERE number = ?", (until, number))
    return Refused("PIN_LOCKED", until=until)


def note_right_pin(db: sqlite3.Connection, number: str) -> None:
    """Forgets wrong tries."""
    db.execute("UPDATE operators SET wrong_tries = 0, locked_until = NULL WHERE number = ?", (number,))


def dismiss(db: sqlite3.Connection, number: str) -> None:
    """Takes a cashier off the list; what they sold stays theirs.

    Raises:
        Refused: OPERATOR_UNKNOWN for anybody who is not an active cashier.
    """
    if (
        db.execute(
            "UPDATE operators SET active = 0 WHERE number = ? AND role = 'cashier' AND active", (number,)
        ).rowcount
        == 0
    ):
        raise Refused("OPERATOR_UNKNOWN")


def next_cashier(db: sqlite3.Connection) -> str:
    """The lowest number no active operator has.

    Raises:
        Refused: OPERATORS_FULL.
    """
    taken = {operator.number for operator in everyone(db)}
    free = (number for number in (f"{n:02d}" for n in range(1, 99)) if number not in taken)
    if (number := next(free, None)) is None:
        raise Refused("OPERATORS_FULL")
    return number


def _hash(pin: str, salt: bytes) -> bytes:
    return scrypt(pin.encode(), salt=salt, n=2**13, r=8, p=10, maxmem=32 * 2**20, dklen=32)
