"""The copy is structurally sound, and its books agree with themselves."""

from till.checks import Bench, Check, CheckFailed
from till.journal import books, database
from till.journal.shape import require_shape


def run(bench: Bench) -> str:
    """Every page, index, rule and sum of the copy."""
    database.look(bench.folder, thorough=True)
    require_shape(bench.db, bench.steps)
    if wrong := books.disagreements(bench.db):
        raise CheckFailed("; ".join(wrong))
    (rows,) = bench.db.execute("SELECT count(*) FROM sales").fetchone()
    return f"{rows} entries agree with their payments, receipts and batches"


CHECK = Check("journal_sound", run)
