"""Which checks there are, in the order in which they run."""

from till.checks import Check, journal_sound, lock_works, receipt_renders, totals_add_up, write_read_back

CHECKS: tuple[Check, ...] = (
    journal_sound.CHECK,
    write_read_back.CHECK,
    totals_add_up.CHECK,
    receipt_renders.CHECK,
    lock_works.CHECK,
)
