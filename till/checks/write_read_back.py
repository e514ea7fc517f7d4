"""A sale and its refund can be written, are read back equal, and are gone after the rollback."""

from till.checks import Bench, Check, require
from till.journal import receipts, sales

SALE_FEN, REFUND_FEN = 1234, 234


def run(bench: Bench) -> str:
    """Writes ¥12.34, refunds ¥2.34, reads both, rolls back."""
    before = _rows(bench)
    with bench.trial() as operator:
        number = bench.sell(operator, SALE_FEN)
        sold = receipts.load(bench.db, number)
        require(SALE_FEN, sold.total_fen, "total of the sale")
        order = sales.RefundOrder("self-test-refund", operator, operator, sold.entry_id, REFUND_FEN)
        refunded = receipts.load(bench.db, sales.record_refund(bench.db, order, bench.clock.now()))
        require(number, refunded.refunds_number, "the sale that was refunded")
        require(SALE_FEN - REFUND_FEN, receipts.load(bench.db, number).refundable_fen, "what can still be refunded")
    require(before, _rows(bench), "rows after the rollback")
    return "a sale and its refund were written, read and rolled back"


def _rows(bench: Bench) -> list[int]:
    counted = "SELECT (SELECT count(*) FROM sales), (SELECT count(*) FROM payments), (SELECT count(*) FROM receipts)"
    return list(bench.db.execute(counted).fetchone())


CHECK = Check("write_read_back", run)
