"""Self-test: a shift is opened, sold in, closed, and off by exactly what was counted wrongly."""

from till.checks import Bench, Check, require
from till.shifts import drawer

FLOAT_FEN, SALE_FEN, MISSING_FEN = 200_00, 35_50, 50


def run(bench: Bench) -> str:
    """Opens the drawer, sells, counts 50 fen too little; what was open before is closed first and comes back."""
    now = bench.clock.now()
    with bench.trial() as operator:
        if before := drawer.running(bench.db):
            drawer.close(bench.db, operator, before.expected_fen, now)
        drawer.begin(bench.db, operator, FLOAT_FEN, now)
        bench.sell(operator, SALE_FEN)
        shift = drawer.running(bench.db)
        require(FLOAT_FEN + SALE_FEN, shift.expected_fen if shift else None, "fen that should be in the drawer")
        drawer.close(bench.db, operator, FLOAT_FEN + SALE_FEN - MISSING_FEN, now)
        closed = drawer.last_closed(bench.db)
        require(-MISSING_FEN, closed.difference_fen if closed else None, "fen the drawer is off by")
    return "a shift was opened, sold in and counted"


CHECK = Check("shift_counts", run)
