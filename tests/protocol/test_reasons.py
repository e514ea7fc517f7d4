"""Every reason reads in both languages, names who clears it, and survives a trip to the other side."""

import ast
import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evertill
from evertill.protocol.phrases import placeholders
from evertill.protocol.reasons import TABLE, Meaning, Reason, meaning, params_of, render

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
# contracts.md, "Reason codes", and design §4.
CONTRACT = """MODEL_MISMATCH STEPPING_STONE ROLLOUT_TURN MODE_NEVER FROZEN PINNED CONSENT_NEEDED POSTPONED RATE_LIMIT
WINDOW_CLOSED STORE_TURN TILL_SILENT TILL_SALE TILL_BATCH_UNSETTLED TILL_PENDING STORAGE BATTERY NETWORK_BUDGET PERIPHERAL
CLOCK_WRONG TRUST_EXPIRED TRUST_NOT_INITIALISED NO_FRESH_TRUST WITHDRAWN NEVER_NEEDS_MERCHANT""".split()  # noqa: SIM905
# Look.md, "Writing".
FORBIDDEN = re.compile(r"可能|尽快|[!！]|你|soon\b|significant", re.IGNORECASE)
HAN, HALF_WIDTH = (
    re.compile(r"[\u4e00-\u9fff]"),
    re.compile(r"[\u4e00-\u9fff][,;:?()]|[\u4e00-\u9fff][0-9A-Za-z]|[0-9A-Za-z][\u4e00-\u9fff]"),
)

rows = pytest.mark.parametrize(("code", "row"), TABLE.items(), ids=TABLE)


@pytest.mark.parametrize("code", CONTRACT)
def test_the_contracts_codes_are_there(code: str) -> None:
    assert code in TABLE


@rows
def test_a_row_is_complete_and_says_the_same_in_both_languages(code: str, row: Meaning) -> None:
    assert re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", code)
    for chinese, english in (row.head, row.why, row.can):
        assert HAN.search(chinese)
        assert not HAN.search(english)
        assert placeholders(chinese) == placeholders(english)


@rows
def test_a_row_keeps_to_the_rules_of_writing(code: str, row: Meaning) -> None:
    for chinese, english in (row.head, row.why, row.can):
        assert not FORBIDDEN.search(chinese + english), code
        assert not HALF_WIDTH.search(re.sub(r"\{[^}]*\}", "", chinese)), chinese
    assert len(row.head[0]) <= 10
    assert not placeholders("".join(row.head)), "a chip has no room for facts"


@rows
def test_what_time_clears_says_time_and_what_a_person_clears_does_not(code: str, row: Meaning) -> None:
    assert row.clears == "time" or not row.time_bound


def test_off_is_a_choice_and_never_red() -> None:
    assert TABLE["MODE_NEVER"].glyph == "off"
    assert TABLE["CONSENT_NEEDED"].glyph == "ask"
    assert TABLE["TILL_BATCH_UNSETTLED"].glyph == TABLE["WINDOW_CLOSED"].glyph == "wait"
    assert TABLE["ROLLED_BACK"].glyph == "need"


def test_rendering_uses_the_terminals_zone_and_the_readers_day() -> None:
    reason = Reason.of("POSTPONED", version="1.1.0", until=datetime(2026, 11, 20, 19, 0, tzinfo=UTC))
    assert render(reason, "zh", SHANGHAI, NOW).why == "您把 1.1.0 推迟到明天 03:00"
    assert render(reason, "en", SHANGHAI, NOW).why == "You postponed 1.1.0 to tomorrow, 03:00"
    assert render(reason, "en", ZoneInfo("UTC"), NOW).why == "You postponed 1.1.0 to today, 19:00"
    assert render(reason, "en", SHANGHAI).why == "You postponed 1.1.0 to 21 November 2026, 03:00"


def test_days_and_sizes_and_lists() -> None:
    frozen = Reason.of("FROZEN", starts=date(2027, 1, 30), ends=date(2027, 2, 12))
    assert render(frozen, "zh", SHANGHAI, NOW).why == "封网期从 2027年1月30日到 2027年2月12日"
    storage = Reason.of("STORAGE", need_bytes=96_400_000, free_bytes=512)
    assert render(storage, "en", SHANGHAI, NOW).why == "It needs 96.4 MB; 512 B are free"
    devices = Reason.of("PERIPHERAL", names=["打印机", "scanner"])
    assert render(devices, "zh", SHANGHAI, NOW).why == "安装前要拔掉打印机、scanner"
    assert render(devices, "en", SHANGHAI, NOW).why == "打印机 and scanner must be unplugged before installing"


def test_a_code_of_a_later_version_still_reads() -> None:
    words = render(Reason("BRAND_NEW", {"x": 1}), "en", SHANGHAI, NOW)
    assert "BRAND_NEW" in words.why
    assert meaning(Reason("BRAND_NEW")).clears == "support"


def test_a_missing_fact_reads_unknown() -> None:
    assert render(Reason("STORAGE", {"need_bytes": 1000}), "zh", SHANGHAI, NOW).why == "要 1.0 KB，还有未知"
    assert render(Reason("STEPPING_STONE", {"have": ""}), "en", SHANGHAI, NOW).why.endswith("this terminal has unknown")


def test_what_a_device_writes_cannot_break_a_page_or_a_log() -> None:
    hostile = Reason("PERIPHERAL", {"names": ["a\x1b[31m\nb", "x" * 256]})
    shown = render(hostile, "en", SHANGHAI, NOW).why
    assert shown.isprintable()
    assert "…" in shown


def test_a_reason_with_wrong_parameters_is_a_bug() -> None:
    with pytest.raises(TypeError, match="POSTPONED takes"):
        Reason.of("POSTPONED", version="1.1.0")
    with pytest.raises(KeyError):
        Reason.of("NO_SUCH_CODE")


@pytest.mark.parametrize(
    "body",
    [
        b'{"code":"lower"}',
        b'{"code":"' + b"A" * 65 + b'"}',
        b'{"code":"A","params":{"x":1.5}}',
        b'{"code":"A","params":{"x":"' + b"y" * 257 + b'"}}',
        b'{"code":"A","params":{"x":{"y":1}}}',
    ],
)
def test_what_no_agent_of_ours_would_send_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Reason)


params = st.dictionaries(
    st.text("abc_", min_size=1, max_size=12),
    st.integers(-(2**53), 2**53) | st.text(max_size=256) | st.lists(st.text(max_size=256), max_size=5),
    max_size=8,
)


@given(code=st.sampled_from([*TABLE, "BRAND_NEW"]), given_params=params, usual_names=st.booleans())
def test_any_reason_from_outside_renders(
    *, code: str, given_params: dict[str, int | str | list[str]], usual_names: bool
) -> None:
    if usual_names and code in TABLE:
        given_params = dict(zip(sorted(params_of(code)), given_params.values(), strict=False))
    reason = Reason(code, given_params)
    assert msgspec.json.decode(msgspec.json.encode(reason), type=Reason) == reason
    for language in ("zh", "en"):
        words = render(reason, language, SHANGHAI, NOW)
        assert words.head
        assert words.why.isprintable()
        assert words.can.isprintable()


def test_every_reason_made_in_the_sources_has_a_row_and_its_parameters() -> None:
    made = [
        (node.args[0].value, {each.arg for each in node.keywords}, f"{path}:{node.lineno}")
        for path in Path(evertill.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "Reason.of"
        and isinstance(node.args[0], ast.Constant)
    ]
    assert len(made) > 20
    for code, names, place in made:
        assert code in TABLE, place
        assert names == params_of(code) or None in names, place
