"""The self-test: what this version must be able to do, tried on a throw-away copy of the shop's data.

Each check is a function that tries one thing on the bench and returns what it saw, or raises CheckFailed. Whatever a
check writes is rolled back; none touches the network, the run folder or the live data. A check that breaks down has
failed: that is its finding.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING, TypedDict

from till.clock import Clock
from till.errors import Refused
from till.journal import operators, sales
from till.journal.migrations import Step

if TYPE_CHECKING:
    from till.features import Feature


class CheckFailed(Exception):
    """What a check saw is not what must be."""


@dataclass(frozen=True)
class Bench:
    """What checks work on: an open copy of the data, in a folder of its own."""

    folder: Path
    db: Connection
    clock: Clock
    steps: Sequence[Step]
    features: Sequence["Feature"]

    @contextmanager
    def trial(self) -> Iterator[str]:
        """A transaction that is rolled back whatever happens; gives the number of an operator to sell as."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            operators.admit(self.db, operators.FIRST_CASHIER)
            yield operators.FIRST_CASHIER
        finally:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")

    def sell(self, operator: str, gross_fen: int, adjustment: sales.Adjustment | None = None) -> str:
        """Records a trial sale and returns its receipt's number."""
        order = sales.SaleOrder(f"self-test-{time.monotonic_ns()}", operator, gross_fen, gross_fen, adjustment)
        return sales.record_sale(self.db, order, self.clock.now())


@dataclass(frozen=True)
class Check:
    """One thing tried."""

    name: str
    run: Callable[[Bench], str]


class Finding(TypedDict):
    """What came out of one check, as the command prints it."""

    name: str
    ok: bool
    detail: str
    ms: int


def require(expected: object, seen: object, what: str) -> None:
    """Fails the check unless both are equal."""
    if expected != seen:
        raise CheckFailed(f"{what}: expected {expected}, saw {seen}")


def run_all(checks: Sequence[Check], bench: Bench) -> list[Finding]:
    """Runs every check, also after one failed."""
    return [_run(check, bench) for check in checks]


def _run(check: Check, bench: Bench) -> Finding:
    began = bench.clock.monotonic()
    try:
        ok, detail = True, check.run(bench)
    except (CheckFailed, Refused) as finding:
        ok, detail = False, str(finding)
    except Exception as error:  # noqa: BLE001 (a self-test's job is to find what breaks; the crash is its result)
        ok, detail = False, f"{type(error).__name__}: {error}"
    return {"name": check.name, "ok": ok, "detail": detail, "ms": round((bench.clock.monotonic() - began) * 1000)}
