"""What the pages say and what a tap does: beside an agent that only listens."""

from datetime import timedelta
from typing import Any

import pytest

from evertill.terminal.errors import TerminalRefused
from tests.terminal.shell.scene import (
    NOW,
    PIN,
    Browser,
    Scene,
    iso,
    journey,
    offer,
    past,
    policy,
    running,
    usual,
)

HOLE = {
    "release": 20,
    "name": "系统",
    "version": "2026.11",
    "published_at": iso(NOW - timedelta(days=8)),
    "closes_at": iso(NOW + timedelta(days=22)),
    "days_open": 22,
}
OFF: dict[str, Any] = {
    "since": iso(NOW - timedelta(minutes=4)),
    "way": "terminal",
    "person": "owner",
    "confirmed_at": iso(NOW - timedelta(minutes=3)),
    "revision": 42,
    "agreed": True,
    "payload_bytes": 0,
}
UPDATE_PAGES = (
    "/update",
    "/update/mode",
    "/update/mode/never",
    "/update/off",
    "/update/release/12",
    "/update/release/12/agree?tick=1",
    "/update/release/12/postpone",
    "/update/release/12/now",
    "/update/history",
    "/update/history/action-4",
    "/update/back",
    "/closing",
)


@pytest.mark.parametrize("path", UPDATE_PAGES)
def test_no_page_about_updates_covers_a_sale(scene: Scene, browser: Browser, path: str) -> None:
    scene.till.sale = True
    scene.agent.status = usual(offers=[offer()], history=[past()])
    page = browser.get(path).text
    assert "正在收款" in page
    assert page.count('class="button') == 1
    assert 'href="/till/"' in page


def test_during_a_sale_nothing_is_ordered(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(offers=[offer()])
    token = browser.token()
    scene.till.sale = True
    for path in ("/update/mode/never", "/update/release/12/now", "/closing/now", "/update/check", "/update/back"):
        browser.post(path, data={"token": token, "person": "owner", "pin": PIN, "go": "1"})
    assert scene.agent.orders == []


def test_first_language_is_chinese_and_one_tap_makes_it_english(scene: Scene, browser: Browser) -> None:
    assert "主菜单" in browser.get("/").text
    page = browser.tap("/language", to="en", back="/settings")
    assert page.url.path == "/settings"
    assert "Settings" in page.text
    assert browser.cookies.get("till_language", path="/till/") == "en"


def test_menu_is_there_whatever_the_agent_does(tmp_path: Any) -> None:
    with running(tmp_path, with_agent=False) as scene, scene.browser() as browser:
        page = browser.get("/")
        assert page.status_code == 200
        assert 'href="/till/"' in page.text
        assert browser.get("/update").status_code == 503
        assert "T-0001" in browser.get("/support").text


def test_without_a_till_its_place_says_where_the_update_is(tmp_path: Any) -> None:
    with running(tmp_path, with_till=False) as scene, scene.browser() as browser:
        scene.agent.status = usual(till=None, journey=journey("migrating", 7, forecast_s=1.4))
        page = browser.get("/till/sale")
        assert page.status_code == 503
        assert "启用新版本" in page.text
        assert "约 4 秒后自动恢复收款" in page.text


def test_release_shows_what_was_signed(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(policy=policy("manual"), offers=[offer(required_at=iso(NOW + timedelta(days=20)))])
    page = browser.get("/update").text
    for shown in ("1.1.0", "收款时可以打折，整单、单件都行", "18.4 MB", "约 3 分钟", "演示收单机构签名", "12月10日"):
        assert shown in page


def test_security_release_names_the_holes_it_closes_and_when_it_was_published(scene: Scene, browser: Browser) -> None:
    published = iso(NOW - timedelta(days=8))
    known = offer(severity="security", cves=["CVE-2026-0001", "CVE-2026-0002"], published_at=published)
    scene.agent.status = usual(offers=[known])
    page = browser.get("/update").text
    assert "堵上 CVE-2026-0001, CVE-2026-0002" in page
    assert "11月12日发布" in page
    scene.agent.status = usual(offers=[offer()])
    assert "堵上" not in browser.get("/update").text


def test_notes_of_a_release_are_text_and_never_markup(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(offers=[offer(notes={"zh": "<script>alert(1)</script>"})])
    page = browser.get("/update").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_unticked_release_is_not_agreed_to(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(offers=[offer()])
    page = browser.get("/update/release/12/agree")
    assert page.status_code == 409
    assert "请先勾选" in page.text
    assert "checked" not in page.text


def test_consent_carries_person_pin_and_the_version_of_its_text(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(offers=[offer()])
    browser.tap("/update/release/12/agree", person="owner", pin=PIN, go="1")
    (order,) = scene.agent.orders
    assert order == {"do": "consent", "release": 12, "person": "owner", "pin": PIN, "text_version": "terminal-1"}


def test_keys_work_without_script(scene: Scene, browser: Browser) -> None:
    page = browser.tap("/update/mode/never", person="owner", pin="4829", key="0")
    assert 'value="48290"' in page.text
    assert 'value="4829"' in browser.tap("/update/mode/never", pin="48290", key="back").text
    assert 'value=""' in browser.tap("/update/mode/never", pin="48290", key="clear").text
    assert scene.agent.orders == []


def test_postponing_ends_at_midnight_here(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(offers=[offer()])
    browser.tap("/update/release/12/postpone", person="owner", pin=PIN, choice="3", go="1")
    assert scene.agent.orders[0]["until"] == "2026-11-23T00:00:00+08:00"


def test_no_day_is_offered_that_the_policy_forbids(scene: Scene, browser: Browser) -> None:
    short = policy(postpone_days={"value": 3, "origin": "merchant"})
    scene.agent.status = usual(policy=short, offers=[offer()])
    page = browser.get("/update/release/12/postpone").text
    assert page.count('type="radio"') == 2


def test_release_that_is_gone_leads_back(scene: Scene, browser: Browser) -> None:
    assert browser.get("/update/release/99/now").url.path == "/update"
    assert browser.tap("/update/release/99/now", person="owner", pin=PIN, go="1").url.path == "/update"
    assert scene.agent.orders == []


def test_price_of_never_is_told_before_the_pin(scene: Scene, browser: Browser) -> None:
    scene.agent.consequences = {"holes": [HOLE], "missed": [{"release": 12, "version": "1.1.0"}]}
    page = browser.get("/update/mode/never").text
    for told in ("一个安全漏洞 22 天后才补上", "12月12日仍会装系统 2026.11", "用不上 1.1.0", "店长密码"):
        assert told in page


def test_undated_hole_is_told_as_open(scene: Scene, browser: Browser) -> None:
    scene.agent.consequences = {"holes": [{**HOLE, "closes_at": None, "days_open": None}], "missed": []}
    assert "一直不补" in browser.get("/update/mode/never").text


def test_price_of_manual_names_what_waits_for_a_yes(scene: Scene, browser: Browser) -> None:
    scene.agent.consequences = {"holes": [HOLE], "missed": []}
    page = browser.get("/update/mode/manual").text
    for told in ("您同意以前，不下载，不安装", "系统 2026.11 能补安全漏洞，也要等您同意", "最晚 12月12日自动安装"):
        assert told in page


def test_option_never_says_its_exception_where_there_is_one(scene: Scene, browser: Browser) -> None:
    assert "永不（紧急安全修复除外）" in browser.get("/update/mode").text
    scene.agent.status = usual(policy=policy(at_deadline={"value": "notify_only", "origin": "merchant"}))
    assert "紧急安全修复除外" not in browser.get("/update/mode").text


def test_mode_held_from_above_names_who_holds_it(scene: Scene, browser: Browser) -> None:
    held = {"value": "automatic", "origin": "DEFAULT/agent/merchant", "mandated": True}
    scene.agent.status = usual(policy=policy(mode="automatic") | {"fields": policy()["fields"] | {"mode": held}})
    page = browser.get("/update/mode").text
    assert "由 DEFAULT/agent/merchant 统一设置" in page
    assert "/update/mode/never" not in page
    assert browser.get("/update/mode/never").url.path == "/update/mode"


def test_fork_is_shown_to_who_can_decide_it(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(policy={**policy("manual"), "forked": True})
    assert "本机和别处都改过" in browser.get("/update/mode").text


def test_switching_off_orders_exactly_that_and_shows_the_proof(scene: Scene, browser: Browser) -> None:
    scene.agent.off = OFF
    page = browser.tap("/update/mode/never", person="owner", pin=PIN, go="1")
    assert page.url.path == "/update/off"
    (order,) = scene.agent.orders
    assert (order["do"], order["field"], order["value"]) == ("set", "mode", "never")
    assert (order["person"], order["pin"], order["risk_text"]) == ("owner", PIN, "terminal-1")


def test_proof_shows_both_times_and_only_where_both_agree(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(policy=policy("never"))
    scene.agent.off = OFF
    page = browser.get("/update/off").text
    for shown in ("14:26:00", "14:27:00", "第 42 版策略", "0 字节", "安全更新和关键更新"):
        assert shown in page
    scene.agent.off = {**OFF, "agreed": False, "confirmed_at": None, "revision": None}
    page = browser.get("/update/off").text
    assert "两边一致，" not in page
    assert "等服务器确认" in page


def test_wrong_pin_keeps_the_page_and_says_tries_left(scene: Scene, browser: Browser) -> None:
    scene.agent.refuses = TerminalRefused("PIN_WRONG", tries_left=3)
    page = browser.tap("/update/mode/manual", person="owner", pin="111222", go="1")
    assert page.status_code == 409
    assert "3" in page.text
    assert "PIN_WRONG" in page.text
    assert "111222" not in page.text


def test_locked_pin_says_until_when_in_the_time_of_the_shop(scene: Scene, browser: Browser) -> None:
    until = iso(NOW + timedelta(minutes=50))
    scene.agent.refuses = TerminalRefused("PIN_LOCKED", failures=5, until=until)
    page = browser.tap("/update/mode/manual", person="owner", pin="111222", go="1").text
    assert "密码连错 5 次，今天 15:20 以后再试" in page
    assert "收款不受影响" in page


def test_held_update_says_why_what_and_when(scene: Scene, browser: Browser) -> None:
    held = [{"code": "TILL_BATCH_UNSETTLED", "params": {"count": 17}}]
    scene.agent.status = usual(offers=[offer()], journey=journey(held=held))
    page = browser.get("/update").text
    for shown in ("等待结算", "17 笔", "原因", "您可以", "下次", "第 3 步，共 7 步", 'href="/till/settle"'):
        assert shown in page


@pytest.mark.parametrize(("code", "matter"), [("POWER_UNKNOWN", "power"), ("PERIPHERAL", "peripherals")])
def test_what_no_sensor_sees_is_confirmed_by_one_button(scene: Scene, browser: Browser, code: str, matter: str) -> None:
    held = [{"code": code, "params": {"names": ["扫码枪"]}}]
    scene.agent.status = usual(journey=journey("preflight2", held=held))
    assert f"/update/confirm/{matter}" in browser.get("/update").text
    browser.tap(f"/update/confirm/{matter}")
    assert scene.agent.orders == [{"do": "confirm", "matter": matter}]


def test_reason_of_a_later_version_still_shows_with_its_code(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(journey=journey(held=[{"code": "FROM_THE_FUTURE", "params": {}}]))
    assert "FROM_THE_FUTURE" in browser.get("/update").text


def test_rolled_back_update_says_what_runs_and_why(scene: Scene, browser: Browser) -> None:
    failure = {"code": "ROLLED_BACK", "params": {"back": "1.1.0", "version": "1.2.0", "what": "receipt_renders"}}
    scene.agent.status = usual(history=[past("rolled_back", version="1.2.0", failure=failure)])
    page = browser.get("/update/history/action-4").text
    for shown in ("已换回原版本，照常收款，账都在", "receipt_renders", "ROLLED_BACK"):
        assert shown in page


def test_going_back_is_offered_for_a_week(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(history=[past()])
    assert "/update/back" in browser.get("/update/history").text
    browser.tap("/update/back", person="owner", pin=PIN, go="1")
    assert scene.agent.orders == [{"do": "go_back", "person": "owner", "pin": PIN}]
    scene.agent.status = usual(history=[past(ended_at=iso(NOW - timedelta(days=8)))])
    assert "/update/back" not in browser.get("/update/history").text


def test_check_asks_the_server(scene: Scene, browser: Browser) -> None:
    page = browser.tap("/update/check")
    assert scene.agent.orders == [{"do": "check"}]
    assert "正在问服务器" in page.text


def test_trouble_is_told_with_its_next_step_and_never_as_up_to_date(scene: Scene, browser: Browser) -> None:
    trouble = {"code": "NO_CONTACT", "params": {"detail": "timeout"}}
    scene.agent.status = usual(
        contact={"last_at": iso(NOW - timedelta(days=9)), "tried_at": iso(NOW), "trouble": trouble}
    )
    page = browser.get("/update").text
    assert "不知道有没有更新" in page
    assert "没有要做的事" not in page
    assert "NO_CONTACT" in page


def test_contacts_are_the_signed_ones_or_none(scene: Scene, browser: Browser) -> None:
    assert "400 000 0000" in browser.get("/support").text
    scene.agent.operator = None
    page = browser.get("/support").text
    assert "400 000 0000" not in page
    assert "还没有核对过" in page


def test_unset_licence_is_shown_as_unset(scene: Scene, browser: Browser) -> None:
    scene.agent.operator = {"name": {"zh": "演示收单机构"}, "licence": "", "contacts": []}
    assert browser.get("/support").text.count("未登记") == 2


def test_unknown_page_has_a_way_back(scene: Scene, browser: Browser) -> None:
    page = browser.get("/nowhere")
    assert page.status_code == 404
    assert 'href="/till/"' in page.text


def test_answers_nobody_understands_are_no_up_to_date(scene: Scene, browser: Browser) -> None:
    scene.agent.status = {"serial": 7}
    page = browser.get("/update")
    assert page.status_code == 503
    assert "AGENT_AWAY" in page.text


def test_displayed_is_told_for_the_release_on_the_page(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(offers=[offer()])
    assert 'data-displayed="/update/release/12/displayed"' in browser.get("/update").text
    assert scene.agent.orders == [], "fetching alone is no display"
    assert browser.tap("/update/release/12/displayed").status_code == 204
    assert scene.agent.orders == [{"do": "displayed", "release": 12}]


def test_offer_nobody_can_vouch_for_is_never_called_up_to_date(scene: Scene, browser: Browser) -> None:
    refused = {"release": 12, "refused": {"code": "REVOKED", "params": {"release": 12}}}
    scene.agent.status = usual(offers=[refused])
    page = browser.get("/update").text
    assert "有更新不能核实" in page
    assert "REVOKED" in page
    assert "没有要做的事" not in page
    assert "已是最新" not in browser.get("/").text
    assert browser.get("/update/release/12/now").url.path == "/update"


def test_who_has_agreed_is_not_asked_again(scene: Scene, browser: Browser) -> None:
    agreed = {"consented_at": iso(NOW - timedelta(minutes=1))}
    scene.agent.status = usual(policy=policy("manual"), offers=[offer(acts=agreed)])
    page = browser.get("/update").text
    assert "您已同意" in page
    assert "checkbox" not in page
    later = {**agreed, "postponed_until": iso(NOW + timedelta(days=1))}
    scene.agent.status = usual(policy=policy("manual"), offers=[offer(acts=later)])
    page = browser.get("/update").text
    assert "已推迟到明天" in page
    assert "checkbox" in page


def test_notes_as_long_as_they_may_be_are_shown(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(offers=[offer(notes={"zh": "新" * 20_000, "en": "n" * 20_000})])
    assert "新" * 20_000 in browser.get("/update").text


def test_bug_of_a_page_has_a_way_back_to_selling(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(policy={**policy(), "fields": {}})
    page = browser.get("/update")
    assert page.status_code == 500
    assert "PAGE_BROKEN" in page.text
    assert 'href="/till/"' in page.text
    assert "Traceback" not in page.text


def test_finished_steps_show_when_and_the_rest_how_long(scene: Scene, browser: Browser) -> None:
    finished = [iso(NOW - timedelta(hours=26)), iso(NOW - timedelta(minutes=6)), iso(NOW - timedelta(minutes=1))]
    scene.agent.status = usual(offers=[offer()], journey=journey("backing_up", 4, finished_at=finished))
    page = browser.get("/update").text
    for shown in ("昨天 12:30", "14:24", "14:29", "约 2 分钟", "第 4 步，共 7 步"):
        assert shown in page


def test_failed_update_stays_at_the_step_that_failed(scene: Scene, browser: Browser) -> None:
    finished = [iso(NOW)] * 5
    scene.agent.status = usual(offers=[offer()], journey=journey("failed", 0, finished_at=finished))
    page = browser.get("/update").text
    assert "1.1.0 没有安装" in page
    assert "第 6 步，共 7 步" in page


@pytest.mark.parametrize(
    ("reason", "step", "href"),
    [
        ({"code": "POLICY_FORK", "params": {"field": "mode"}}, "更新方式", "/update/mode"),
        ({"code": "CONSENT_NEEDED", "params": {"version": "1.1.0"}}, "有什么变化", "/update/release/12"),
        ({"code": "WINDOW_CLOSED", "params": {"window": "03:00–05:00"}}, "现在就装", "/update/release/12/now"),
        ({"code": "FROZEN", "params": {"starts": "2026-11-18", "ends": "2026-12-02"}}, "回到收款", "/till/"),
    ],
)
def test_next_step_of_a_held_update_is_one_that_helps(
    scene: Scene, browser: Browser, reason: dict[str, Any], step: str, href: str
) -> None:
    scene.agent.status = usual(offers=[offer(reasons=[reason])], journey=journey(held=[reason]))
    assert f'<a class="button main" href="{href}">{step}</a>' in browser.get("/update").text


def test_install_now_is_not_offered_where_it_would_not_help(scene: Scene, browser: Browser) -> None:
    frozen = {"code": "FROZEN", "params": {"starts": "2026-11-18", "ends": "2026-12-02"}}
    scene.agent.status = usual(offers=[offer(reasons=[frozen])])
    assert "/update/release/12/now" not in browser.get("/update").text
    scene.agent.status = usual(offers=[offer()])
    assert "/update/release/12/now" in browser.get("/update").text


def test_date_of_a_security_release_says_what_it_means_in_each_mode(scene: Scene, browser: Browser) -> None:
    soon, past_date = iso(NOW + timedelta(days=20)), iso(NOW - timedelta(days=1))
    for mode, date, told in (
        ("automatic", soon, "最晚推迟到 12月10日"),
        ("automatic", past_date, "不能再推迟了"),
        ("manual", soon, "仍然要您确认才安装"),
        ("never", soon, "收单机构希望 12月10日前装好"),
    ):
        scene.agent.status = usual(policy=policy(mode), offers=[offer(severity="security", required_at=date)])
        page = browser.get("/update").text
        assert told in page
        assert "必须" not in page
    scene.agent.consequences = {"holes": [{**HOLE, "release": 12}], "missed": []}
    scene.agent.status = usual(policy=policy("never"), offers=[offer(severity="critical", required_at=soon)])
    page = browser.get("/update").text
    for told in ("最晚 12月12日自动安装", "12月12日以前不会自动安装"):
        assert told in page
    assert "/postpone" not in page


def test_no_day_beyond_the_signed_date_is_offered(scene: Scene, browser: Browser) -> None:
    due = iso(NOW + timedelta(days=4))
    scene.agent.status = usual(offers=[offer(severity="security", required_at=due)])
    assert browser.get("/update/release/12/postpone").text.count('type="radio"') == 2


def test_nothing_is_called_up_to_date_before_anybody_could_ask(scene: Scene, browser: Browser) -> None:
    scene.agent.status = usual(contact={"last_at": None, "tried_at": None, "trouble": None})
    page = browser.get("/update").text
    assert "没有要做的事" not in page
    assert "不知道有没有更新" in page


def test_question_that_gets_no_answer_is_not_asked_for_ever(scene: Scene, browser: Browser) -> None:
    for asked, waits in ((NOW, True), (NOW - timedelta(minutes=2), False), (NOW + timedelta(days=1), False)):
        page = browser.get("/update", params={"asked": iso(asked)}).text
        assert ("正在问服务器" in page) is waits
    assert "正在问服务器" not in browser.get("/update?asked=now").text


def test_words_of_a_failing_program_stand_beside_the_code_and_not_in_the_sentence(
    scene: Scene, browser: Browser
) -> None:
    what = "start: the till ended before it was ready"
    failure = {"code": "ROLLED_BACK", "params": {"back": "1.1.0", "version": "1.2.0", "what": what}}
    scene.agent.status = usual(history=[past("rolled_back", failure=failure)])
    page = browser.get("/update/history/action-4").text
    assert "1.2.0 自检没通过（启动）" in page
    assert f"ROLLED_BACK · {what}" in page


def test_refusal_that_is_no_reason_has_its_own_sentence(scene: Scene, browser: Browser) -> None:
    failure = {"code": "TRUST_UNSIGNED", "params": {"detail": "targets: 1 of 2"}}
    scene.agent.status = usual(history=[past("failed", failure=failure)])
    page = browser.get("/update/history/action-4").text
    assert "收到的更新信息没有可信的签名，已丢弃。" in page
    assert "TRUST_UNSIGNED · targets: 1 of 2" in page
    assert "原因 TRUST_UNSIGNED" not in page


def test_refusal_with_other_parameters_than_ours_still_shows_its_code(scene: Scene, browser: Browser) -> None:
    trouble = {"code": "PERSON_UNKNOWN", "params": {}}
    scene.agent.status = usual(contact={"last_at": None, "tried_at": iso(NOW), "trouble": trouble})
    page = browser.get("/update")
    assert page.status_code == 200
    assert "PERSON_UNKNOWN" in page.text
