"""The people of this terminal and their PINs: who may change what, offline too.

Rules kept here: one PIN a person, 6 to 12 digits, no default, none that anybody would try first; stored as scrypt, never
logged; each wrong try is on disk before it is answered, so a power cut gives no tries back; from the fifth on each further try
waits longer, across restarts. The wait is measured by the machine's uptime: setting the clock neither shortens nor lengthens it, and
after a reboot it starts anew. A locked person blocks nothing but their own PIN.
"""

import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Collection
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from evertill.terminal.agent.clock import Clock
from evertill.terminal.agent.records import Record
from evertill.terminal.agent.uptime import Uptime, UptimeClock, system_uptime
from evertill.terminal.errors import TerminalRefused

MIN_DIGITS: Final = 6
MAX_DIGITS: Final = 12
FREE_TRIES: Final = 5
FIRST_LOCK: Final = timedelta(minutes=5)
LONGEST_LOCK: Final = timedelta(hours=24)
_NAME = re.compile(r"[^\W_](?:[\w .-]{0,30}[^\W_])?")
# 16 MiB and some 50 ms on a terminal's processor: 10^6 PINs cost a thief of the file half a day per person.
_SCRYPT_N: Final = 2**14
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 1


class Person(msgspec.Struct, frozen=True):
    salt: bytes
    digest: bytes
    failures: int = 0
    failed: Uptime | None = None  # the latest wrong try


class _People(msgspec.Struct, frozen=True):
    people: dict[str, Person] = {}


class People:
    def __init__(self, path: Path, clock: Clock, uptime: UptimeClock = system_uptime) -> None:
        """`clock` only says until when a PIN is locked; `uptime` decides."""
        self._record = Record(path, _People)
        self._clock = clock
        self._uptime = uptime
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        return sorted(self._load())

    def add(self, name: str, pin: str) -> None:
        """Raises TerminalRefused: PERSON_INVALID, PERSON_EXISTS, PIN_TOO_SHORT, PIN_TRIVIAL."""
        check_pin(pin)
        with self._lock:
            people = self._load()
            check_name(name, people)
            self._save({**people, name: _sealed(pin)})

    def verify(self, name: str, pin: str) -> None:
        """Return when it is this person's PIN.

        Raises:
            TerminalRefused: PERSON_UNKNOWN, PIN_LOCKED (nothing was compared), PIN_WRONG with the tries left.
        """
        with self._lock:
            people = self._load()
            if (person := people.get(name)) is None:
                raise TerminalRefused("PERSON_UNKNOWN", person=name)
            now = self._uptime()
            if person.failed is not None and person.failed.boot != now.boot:
                person = msgspec.structs.replace(person, failed=now)
                self._save({**people, name: person})
            if wait := locked_for(person, now):
                raise self._locked(person, wait)
            failed = msgspec.structs.replace(person, failures=person.failures + 1, failed=now)
            self._save({**people, name: failed})
            if not hmac.compare_digest(_digest(pin, person.salt), person.digest):
                raise self._refusal(failed, now)
            self._save({**people, name: msgspec.structs.replace(person, failures=0, failed=None)})

    def _refusal(self, person: Person, now: Uptime) -> TerminalRefused:
        if wait := locked_for(person, now):
            return self._locked(person, wait)
        return TerminalRefused("PIN_WRONG", tries_left=FREE_TRIES - person.failures)

    def _locked(self, person: Person, wait: timedelta) -> TerminalRefused:
        until = self._clock() + wait
        return TerminalRefused("PIN_LOCKED", failures=person.failures, until=until.isoformat(timespec="seconds"))

    def _load(self) -> dict[str, Person]:
        kept = self._record.load()
        return kept.people if kept else {}

    def _save(self, people: dict[str, Person]) -> None:
        self._record.save(_People(people))


def locked_for(person: Person, now: Uptime) -> timedelta:
    """How long until the next try is allowed, both moments in the same boot; zero = it is."""
    if person.failures < FREE_TRIES or person.failed is None:
        return timedelta(0)
    wait = min(FIRST_LOCK * (1 << min(person.failures - FREE_TRIES, 20)), LONGEST_LOCK)
    return max(wait - timedelta(seconds=now.seconds - person.failed.seconds), timedelta(0))


def check_name(name: str, known: Collection[str]) -> None:
    """Raises TerminalRefused: PERSON_INVALID, PERSON_EXISTS."""
    if not _NAME.fullmatch(name):
        raise TerminalRefused("PERSON_INVALID", person=name)
    if name in known:
        raise TerminalRefused("PERSON_EXISTS", person=name)


def check_pin(pin: str) -> None:
    """Raises TerminalRefused: PIN_TOO_SHORT (also for what is no digits), PIN_TRIVIAL."""
    if not (pin.isascii() and pin.isdecimal() and MIN_DIGITS <= len(pin) <= MAX_DIGITS):
        raise TerminalRefused("PIN_TOO_SHORT")
    if _is_trivial(pin):
        raise TerminalRefused("PIN_TRIVIAL")


def _is_trivial(pin: str) -> bool:
    """One digit or a short group repeated, a run up or down, or a run played twice."""
    repeats = any(pin == (pin[:size] * len(pin))[: len(pin)] for size in range(1, len(pin) // 2 + 1))
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    return repeats or steps in ({1}, {9}) or len(set(pin)) <= 2  # noqa: PLR2004 - two digits are no secret


def _sealed(pin: str) -> Person:
    salt = secrets.token_bytes(16)
    return Person(salt, _digest(pin, salt))


def _digest(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, dklen=32)
