"""原因 / 您可以 / 下次: what a screen leads with, and what comes next."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.explain import Explanation, explain, headline
from evertill.protocol.reasons import TABLE, Reason, meaning
from evertill.protocol.reasons.deciding import FINAL

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
TRY = datetime(2026, 11, 20, 19, 24, tzinfo=UTC)

SETTLE = Reason.of("TILL_BATCH_UNSETTLED", count=17)
WINDOW = Reason.of("WINDOW_CLOSED", window="03:00–05:00")
CONSENT = Reason.of("CONSENT_NEEDED", version="1.1.0")
TURN = Reason.of("ROLLOUT_TURN", group=2, groups=3)


def test_waiting_for_settlement_reads_as_on_the_mock() -> None:
    said = explain([WINDOW, SETTLE], TRY, "zh", SHANGHAI, NOW)
    assert said.state == "wait"
    assert said.head == "等待结算"
    assert (said.why.label, said.can.label, said.next.label) == ("原因", "您可以", "下次")
    assert said.why.fact.startswith("有 17 笔交易还没结算")
    assert said.why.detail == "另外：等升级时段"
    assert said.can.fact == "打烊后结算，晚上插着电源"
    assert (said.next.fact, said.next.detail) == ("明天 03:24", "北京时间")
    assert said.codes == ["WINDOW_CLOSED", "TILL_BATCH_UNSETTLED"]


def test_the_same_in_english() -> None:
    said = explain([SETTLE, WINDOW], TRY, "en", SHANGHAI, NOW)
    assert said.as_text().splitlines() == [
        "Waiting for settlement",
        "Why: 17 sales are not settled; to keep the books right, nothing installs before (Also: Waiting for the window)",
        "What to do: Settle after closing and leave it plugged in",
        "Next try: tomorrow, 03:24 (Beijing time)",
        "TILL_BATCH_UNSETTLED",
        "WINDOW_CLOSED",
    ]


def test_without_a_time_the_person_is_named() -> None:
    assert explain([CONSENT], None, "zh", SHANGHAI, NOW).next.fact == "您处理以后"
    assert explain([TURN], None, "zh", SHANGHAI, NOW).next.fact == "收单机构处理以后"
    withdrawn = Reason.of("WITHDRAWN", version="1.1.0")
    assert explain([withdrawn], None, "en", SHANGHAI, NOW).next.fact == "This version is not installed any more"


def test_the_reason_a_person_can_clear_leads() -> None:
    assert headline([TURN, CONSENT, WINDOW]) is CONSENT
    assert headline([WINDOW, TURN]) is TURN


def test_nobody_is_asked_to_clear_what_would_not_help() -> None:
    withdrawn = Reason.of("WITHDRAWN", version="1.1.0")
    assert headline([withdrawn, CONSENT]) is withdrawn


def test_off_is_grey_and_shows_the_real_date() -> None:
    never = Reason.of("MODE_NEVER", version="2026.11")
    said = explain([never, WINDOW], datetime(2026, 12, 11, 19, 0, tzinfo=UTC), "zh", SHANGHAI, NOW)
    assert said.state == "off"
    assert said.next.fact == "12月12日 03:00"


def test_nothing_holding_says_so() -> None:
    said = explain([], NOW, "en", SHANGHAI, NOW)
    assert said.head == "Ready to install"
    assert said.next.fact == "Now"


@given(
    st.lists(st.sampled_from(list(TABLE)), min_size=1, max_size=6, unique=True),
    st.none() | st.just(TRY),
    st.sampled_from(["zh", "en"]),
)
def test_never_empty_whatever_holds(codes: list[str], next_try_at: datetime | None, language: str) -> None:
    reasons = [Reason(code) for code in codes]
    said = explain(reasons, next_try_at, language, SHANGHAI, NOW)  # type: ignore[arg-type] # the two languages
    assert all((said.head, said.why.fact, said.can.fact, said.next.fact))
    assert said.codes == codes
    assert msgspec.json.decode(msgspec.json.encode(said), type=Explanation) == said
    assert meaning(headline(reasons)).glyph == said.state
    assert not FINAL & set(codes) or headline(reasons).code in FINAL
