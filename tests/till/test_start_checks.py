from datetime import timedelta
from pathlib import Path

from tests.till.shop_floor import StillClock, floor
from till.edition import MIGRATIONS
from till.journal.journal import Journal
from till.start_checks import check_before_opening


def test_a_clock_behind_the_newest_entry_is_a_warning_and_no_refusal(tmp_path: Path) -> None:
    clock = StillClock()
    with floor(tmp_path) as shop:
        shop.sell(1_00)
    journal = Journal.open(tmp_path, MIGRATIONS)
    assert check_before_opening(journal, tmp_path, clock) == []
    clock.at -= timedelta(days=1)
    assert check_before_opening(journal, tmp_path, clock) == ["the clock is behind the newest entry"]
    journal.close()
