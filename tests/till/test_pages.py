import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing
from html import unescape
from pathlib import Path

import pytest

from tests.till.driver import PINS, Browser, RunningTill

Start = Callable[..., RunningTill]


@pytest.fixture
def browser(till: RunningTill) -> Browser:
    return till.browser()


def entries(till: RunningTill) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(f"file:{till.data / 'journal.db'}?mode=ro", uri=True)) as db:
        return db.execute("SELECT kind, total_fen FROM entries ORDER BY id").fetchall()


def test_a_first_start_asks_for_three_pins_and_has_none_before(start: Start, tmp_path: Path) -> None:
    till = start(tmp_path / "data").wait_ready()
    browser = till.browser(None)
    assert browser.get("sale").location == "setup"
    for number in ("01", "00", "99"):
        assert f"{number} " in browser.get("setup").text
        assert browser.post("setup", typed=PINS[number], go="1").status == 303
        assert browser.post("setup", typed=PINS[number], go="1").status == 303
    assert browser.get("setup").location == "sign-in"
    assert till.browser().sell(1_00) == "000001-0001"


def test_setup_refuses_a_trivial_pin_and_two_different_ones(start: Start, tmp_path: Path) -> None:
    browser = start(tmp_path / "data").wait_ready().browser(None)
    assert browser.post("setup", typed="123456", go="1").code == "PIN_TRIVIAL"
    browser.post("setup", typed="258013", go="1")
    different = browser.post("setup", typed="258014", go="1")
    assert (different.status, different.code) == (422, "PIN_DIFFERENT")


def test_a_sale_from_the_first_key_to_the_receipt(till: RunningTill, browser: Browser) -> None:
    for key in ("1", "2", "5", "0", "back", "0"):
        assert browser.post("sale", key=key).location == "sale"
    assert "¥12.50" in browser.get("sale").text
    assert till.state()["sale"] is True
    assert browser.post("sale", go="1").location == "tender"
    assert browser.post("tender", quick="2000").location == "tender"
    assert "¥7.50" in browser.get("tender").text
    receipt = browser.post("tender", go="1")
    page = browser.get(receipt.location).text
    for fact in ("000001-0001", "¥12.50", "¥20.00", "¥7.50", "已收款，找零", "UTC+08:00"):
        assert fact in page
    assert till.state()["sale"] is False
    assert entries(till) == [("sale", 12_50)]


def test_clearing_the_amount_ends_the_sale(till: RunningTill, browser: Browser) -> None:
    browser.post("sale", key="5")
    browser.post("sale", key="back")
    assert till.state()["sale"] is False


def test_a_double_tap_sells_once(till: RunningTill, browser: Browser) -> None:
    browser.post("sale", typed="500", go="1")
    page = browser.get("tender")
    form = {"csrf": page.field("csrf"), "form_key": page.field("form_key"), "due": page.field("due"), "go": "1"}
    first, second = browser.request("POST", "tender", form), browser.request("POST", "tender", form)
    assert first.location == second.location == "receipt?number=000001-0001"
    assert entries(till) == [("sale", 5_00)]


def test_a_page_that_shows_an_older_amount_sells_nothing(till: RunningTill, browser: Browser) -> None:
    browser.post("sale", typed="500", go="1")
    old = browser.get("tender")
    browser.post("sale", typed="600", go="1")
    answer = browser.request(
        "POST", "tender", {name: old.field(name) for name in ("csrf", "form_key", "due")} | {"go": "1"}
    )
    assert (answer.status, answer.code) == (409, "AMOUNT_CHANGED")
    assert entries(till) == []


def test_too_little_cash_says_what_is_missing_and_keeps_the_sale(till: RunningTill, browser: Browser) -> None:
    browser.post("sale", typed="1250", go="1")
    answer = browser.post("tender", typed="1000", go="1")
    assert (answer.status, answer.code) == (422, "CASH_TOO_LITTLE")
    assert "还差 ¥2.50" in answer.text
    assert browser.post("tender", typed="1250", go="1").status == 303


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"typed": "", "go": "1"}, "AMOUNT_ZERO"),
        ({"typed": "12.50", "go": "1"}, "AMOUNT_NOT_DIGITS"),
        ({"typed": "-5"}, "AMOUNT_NOT_DIGITS"),
        ({"typed": "9" * 9}, "AMOUNT_TOO_LARGE"),
        ({"typed": "<script>"}, "AMOUNT_NOT_DIGITS"),
    ],
)
def test_a_bad_amount_is_refused_with_its_code(browser: Browser, form: dict[str, str], code: str) -> None:
    answer = browser.post("sale", **form)
    assert (answer.status, answer.code) == (422, code)
    assert "<script>" not in answer.text


@pytest.mark.parametrize("page", ["sale", "tender", "settle", "refund", "operators", "sign-out", "discount"])
def test_a_form_without_our_token_does_nothing(till: RunningTill, page: str) -> None:
    browser = till.browser("00")
    browser.sell(5_00)
    answer = browser.request("POST", page, {"csrf": "wrong", "typed": "1", "go": "1", "number": "000001-0001"})
    assert answer.status in {303, 403, 404}
    assert answer.code != "" or page in {"tender", "discount", "sign-out"}
    assert entries(till) == [("sale", 5_00)]
    assert till.state()["signed_in"] is True
    assert till.state()["batch_count"] == 1


def test_five_wrong_pins_lock_the_operator_and_others_go_on(till: RunningTill) -> None:
    browser = till.browser(None)
    for _ in range(5):
        answer = browser.post("sign-in?operator=01", operator="01", typed="000000", go="1")
    assert (answer.status, answer.code) == (409, "PIN_LOCKED")
    locked = browser.post("sign-in?operator=01", operator="01", typed=PINS["01"], go="1")
    assert locked.code == "PIN_LOCKED"
    till.browser("00")


def test_a_pin_never_appears_in_a_page(till: RunningTill) -> None:
    browser = till.browser(None)
    browser.post("sign-in?operator=01", operator="01", typed="2580")
    page = browser.get("sign-in?operator=01").text
    assert "2580" not in page
    assert page.count('class="set"') == 4


def test_signing_in_changes_the_session(till: RunningTill) -> None:
    browser = till.browser(None)
    browser.get("sign-in")
    before = browser.cookies["till_session"]
    browser.sign_in()
    assert browser.cookies["till_session"] != before
    old = Browser(till, {"till_session": before})
    assert old.get("sale").location == "sign-in"


def test_signing_out_gives_up_what_was_typed(till: RunningTill, browser: Browser) -> None:
    browser.post("sale", typed="500")
    token = browser.get("menu").field("csrf")
    assert browser.request("POST", "sign-out", {"csrf": token}).location == "sign-in"
    assert till.state()["sale"] is False
    assert browser.get("sale").location == "sign-in"


def test_a_refund_needs_the_supervisors_pin(till: RunningTill, browser: Browser) -> None:
    number = browser.sell(10_00)
    assert browser.post(f"refund?number={number}", typed="400", go="1").location == f"refund?number={number}"
    assert till.state()["sale"] is True
    assert browser.post(f"refund?number={number}", pin="111111", go="1").code == "PIN_WRONG"
    done = browser.post(f"refund?number={number}", pin=PINS["00"], go="1")
    assert done.location == "receipt?number=000001-0002"
    assert entries(till) == [("sale", 10_00), ("refund", 4_00)]
    assert till.state()["sale"] is False
    page = browser.get(done.location).text
    assert number in page
    assert "批准人" in page


def test_the_supervisor_refunds_without_asking_themselves(till: RunningTill) -> None:
    browser = till.browser("00")
    number = browser.sell(10_00)
    assert browser.post(f"refund?number={number}", go="1").location == "receipt?number=000001-0002"
    assert entries(till)[-1] == ("refund", 10_00)
    again = browser.get(f"refund?number={number}")
    assert (again.status, again.code) == (409, "NOT_REFUNDABLE")


def test_a_refund_above_the_sale_is_refused(till: RunningTill) -> None:
    browser = till.browser("00")
    number = browser.sell(10_00)
    answer = browser.post(f"refund?number={number}", typed="1001", go="1")
    assert (answer.status, answer.code) == (422, "REFUND_TOO_LARGE")


def test_a_discount_is_taken_off_printed_and_added_up(till: RunningTill, browser: Browser) -> None:
    browser.post("sale", typed="9999", go="1")
    assert browser.post("discount", percent="75").location == "tender"
    assert "¥74.99" in browser.get("tender").text
    receipt = browser.get(browser.post("tender", go="1").location).text
    for fact in ("¥99.99", "打折 7.5折", "-¥25.00", "¥74.99"):
        assert fact in receipt
    assert entries(till) == [("sale", 74_99)]
    assert "-¥25.00" in browser.get("totals").text


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"percent": "0"}, "DISCOUNT_PERCENT"),
        ({"percent": "100"}, "DISCOUNT_PERCENT"),
        ({"off_fen": "500"}, "DISCOUNT_TOO_LARGE"),
    ],
)
def test_a_discount_leaves_something_to_pay(browser: Browser, form: dict[str, str], code: str) -> None:
    browser.post("sale", typed="500", go="1")
    answer = browser.post("discount", go="1", **form)
    assert (answer.status, answer.code) == (422, code)


def test_the_first_version_has_no_discount_page(start: Start, shop: Callable[[str], Path]) -> None:
    browser = start(shop("1.0.0"), version="1.0.0").wait_ready().browser()
    browser.post("sale", typed="500", go="1")
    assert "打折" not in browser.get("tender").text
    missing = browser.get("discount")
    assert (missing.status, missing.code) == (404, "PAGE_UNKNOWN")


def test_settling_on_the_screen_empties_the_batch(till: RunningTill, browser: Browser) -> None:
    browser.sell(10_00)
    assert "¥10.00" in browser.get("settle").text
    assert browser.post("settle", go="1").location == "settle"
    assert till.state()["batch_count"] == 0
    assert "没有要结算的交易" in browser.get("settle").text


def test_cashiers_do_not_manage_operators_and_supervisors_do(till: RunningTill, browser: Browser) -> None:
    assert browser.get("operators").code == "NOT_ALLOWED"
    boss = till.browser("00")
    assert boss.post("operators", go="add").location == "new-pin?number=02"
    for _ in range(2):
        boss.post("new-pin?number=02", typed="730194", go="1")
    fresh = till.browser(None)
    assert fresh.post("sign-in?operator=02", operator="02", typed="730194", go="1").location == "sale"
    token = boss.get("operators").field("csrf")
    boss.request("POST", "operators", {"csrf": token, "number": "02", "go": "remove"})
    assert fresh.get("sale").location == "sign-in"
    assert boss.get("new-pin?number=99").code == "NOT_ALLOWED"


def test_english_is_one_tap_away_and_stays(browser: Browser) -> None:
    page = browser.get("sale")
    assert 'lang="zh-Hans"' in page.text
    assert browser.get("language?to=en&back=sale").location == "sale"
    english = browser.get("sale").text
    assert 'lang="en"' in english
    assert "Take cash" in english
    assert "收现金" not in english


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "../x", "sale%0d%0aX:+y"])
def test_the_language_page_leads_nowhere_else(browser: Browser, back: str) -> None:
    answer = browser.get(f"language?to=en&back={back}")
    assert answer.location == "sale"


def test_pages_cannot_be_framed_elsewhere_nor_kept(browser: Browser) -> None:
    headers = browser.get("sale").headers
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_link_stays_inside_the_till(till: RunningTill, language: str) -> None:
    """The screen shows the till under a folder: an absolute link would leave it."""
    browser = till.browser("00")
    number = browser.sell(1_00)
    browser.get(f"language?to={language}&back=sale")
    for page in (
        "sale",
        "menu",
        "receipts",
        f"receipt?number={number}",
        f"refund?number={number}",
        "settle",
        "totals",
        "operators",
    ):
        text = unescape(browser.get(page).text)
        for attribute in ('href="', 'action="', 'src="'):
            for rest in text.split(attribute)[1:]:
                link = rest.partition('"')[0]
                assert link == "../" or not link.startswith(("/", "http", "..")), (page, link)
                assert "/" not in link.partition("?")[0] or link == "../", (page, link)


def test_a_disk_that_takes_nothing_refuses_the_sale_and_sells_again_afterwards(
    till: RunningTill, browser: Browser
) -> None:
    browser.sell(1_00)
    browser.post("sale", typed="500", go="1")
    hard = resource.prlimit(till.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(till.process.pid, resource.RLIMIT_FSIZE, (0, hard))
    refused = browser.post("tender", go="1")
    assert (refused.status, refused.code) == (409, "JOURNAL_NOT_WRITTEN")
    assert entries(till) == [("sale", 1_00)]
    resource.prlimit(till.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert browser.post("tender", go="1").location == "receipt?number=000001-0002"
    assert entries(till) == [("sale", 1_00), ("sale", 5_00)]


def test_a_body_that_is_too_large_or_has_no_length_is_refused(browser: Browser, till: RunningTill) -> None:
    assert browser.request("POST", "sale", {"typed": "1" * 20_000}).status == 413
    with closing(till.connect("till.sock")) as connection:
        connection.sendall(b"POST /sale HTTP/1.0\r\n\r\n")
        assert b" 411 " in connection.recv(100)
