"""Terminals, their tokens, and what they say of themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.server.rooms.accounts import tokens
from evertill.server.rooms.accounts.access import Identity
from evertill.server.rooms.accounts.errors import NotAllowed
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.fleet import queries, service
from evertill.server.rooms.fleet.errors import (
    AttributeInvalid,
    AttributesTooMany,
    DeviceRefused,
    GatewayTokenExists,
    GatewayTokenUnknown,
    ModelExists,
    ModelUnknown,
    TerminalExists,
    TerminalRetired,
)
from evertill.server.rooms.fleet.models import Credential, Terminal
from evertill.server.rooms.fleet.rules import Client, ConfigMode, State, is_serial, merged
from evertill.server.rooms.fleet.service import NewTerminal
from evertill.server.rooms.kernel.errors import FieldInvalid
from tests.server.people import make_person

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.organisations.models import Node

DEVICE = Identity.terminal("DEMO-0001")


@pytest.fixture
def terminal(admin: Identity, now: datetime) -> Terminal:
    added, _token = service.add_terminal(NewTerminal("DEMO-0001"), admin, now)
    return added


def digests(terminal: Terminal, now: datetime) -> list[str]:
    return queries.usable_digests([terminal.pk], now).get(terminal.pk, [])


def test_token_is_shown_once_and_only_its_hash_is_kept(admin: Identity, now: datetime) -> None:
    terminal, token = service.add_terminal(NewTerminal("DEMO-0001"), admin, now)
    assert digests(terminal, now) == [tokens.digest(token)]
    assert not Credential.objects.filter(digest=token).exists()


def test_serial_belongs_to_one_terminal(terminal: Terminal, admin: Identity, now: datetime) -> None:
    with pytest.raises(TerminalExists):
        service.add_terminal(NewTerminal("DEMO-0001"), admin, now)


@pytest.mark.parametrize("serial", ["", "a/b", "a b", "x" * 65, "终端", "a\n", "a%2f"])
def test_serial_that_no_url_can_carry_is_refused(serial: str, admin: Identity, now: datetime) -> None:
    with pytest.raises(FieldInvalid, match="serial"):
        service.add_terminal(NewTerminal(serial), admin, now)


@pytest.mark.parametrize(
    "token", ["short", "x" * 129, "with space in the middle", "中文中文中文中文中文中文中文中文", "tab\tinside-a-token"]
)
def test_token_that_no_header_can_carry_is_refused(token: str, admin: Identity, now: datetime) -> None:
    with pytest.raises(FieldInvalid, match="token"):
        service.add_terminal(NewTerminal("DEMO-0001", token=token), admin, now)
    assert not Terminal.objects.exists()


def test_unknown_model_and_unknown_revision_are_refused(admin: Identity, now: datetime) -> None:
    with pytest.raises(ModelUnknown):
        service.add_terminal(NewTerminal("DEMO-0001", model="D10"), admin, now)
    service.add_model("D10", ["A", "B"], admin, now)
    with pytest.raises(FieldInvalid, match="hardware_revision"):
        service.add_terminal(NewTerminal("DEMO-0001", model="D10", hardware_revision="C"), admin, now)
    terminal, _token = service.add_terminal(NewTerminal("DEMO-0001", model="D10", hardware_revision="B"), admin, now)
    assert terminal.model is not None


def test_auditor_cannot_add_a_terminal(operator: Node, now: datetime) -> None:
    by = make_person("demo-auditor", Role.AUDITOR, operator, now)
    with pytest.raises(NotAllowed):
        service.add_terminal(NewTerminal("DEMO-0001"), by, now)
    assert audit.page(actor="demo-auditor")[0].refused == "NOT_ALLOWED"


def test_rotated_token_works_beside_the_new_one_for_a_week(admin: Identity, now: datetime) -> None:
    terminal, old = service.add_terminal(NewTerminal("DEMO-0001"), admin, now)
    new = service.rotate_token("DEMO-0001", admin, now)
    last_moment = now + service.ROTATION
    assert digests(terminal, now) == [tokens.digest(new), tokens.word(tokens.digest(old), last_moment)]
    assert digests(terminal, now + service.ROTATION) == [tokens.digest(new)]


def test_revoked_tokens_stop_at_once(terminal: Terminal, admin: Identity, now: datetime) -> None:
    service.revoke_tokens("DEMO-0001", admin, now)
    assert digests(terminal, now) == []


def test_retired_terminal_keeps_no_token_and_stays_retired(terminal: Terminal, admin: Identity, now: datetime) -> None:
    service.retire("DEMO-0001", admin, now)
    assert queries.by_serial("DEMO-0001").state == State.RETIRED
    assert digests(terminal, now) == []
    with pytest.raises(TerminalRetired):
        service.retire("DEMO-0001", admin, now)


def test_unknown_serial_is_registered_only_where_the_operator_allows(admin: Identity, now: datetime) -> None:
    with pytest.raises(DeviceRefused):
        service.register("DEMO-0009", "gate", DEVICE, now)
    service.set_registration(True, "", admin, now)
    terminal = service.register("DEMO-0009", "gate", DEVICE, now)
    assert terminal.client == Client.DDI
    service.set_registration(False, "", admin, now)
    assert service.register("DEMO-0009", "gate", DEVICE, now) == terminal


def test_revoked_gateway_token_opens_nothing(admin: Identity, now: datetime) -> None:
    token = service.create_gateway_token("gate", admin, now)
    assert service.gateway_token_shown(token) == "gate"
    service.revoke_gateway_token("gate", admin, now)
    with pytest.raises(DeviceRefused):
        service.gateway_token_shown(token)


def test_attributes_follow_the_three_modes(terminal: Terminal, now: datetime) -> None:
    service.put_attributes(terminal.pk, {"a": "1", "b": "2"}, ConfigMode.MERGE, now)
    service.put_attributes(terminal.pk, {"b": "3"}, ConfigMode.MERGE, now)
    assert queries.attributes(terminal.pk) == {"a": "1", "b": "3"}
    service.put_attributes(terminal.pk, {"a": ""}, ConfigMode.REMOVE, now)
    assert queries.attributes(terminal.pk) == {"b": "3"}
    service.put_attributes(terminal.pk, {"c": "4"}, ConfigMode.REPLACE, now)
    assert queries.attributes(terminal.pk) == {"c": "4"}


def test_terminal_is_asked_for_attributes_until_it_tells_them(terminal: Terminal, now: datetime) -> None:
    assert queries.by_serial("DEMO-0001").wants_config
    service.put_attributes(terminal.pk, {"a": "1"}, ConfigMode.MERGE, now)
    assert not queries.by_serial("DEMO-0001").wants_config


def test_hundred_and_first_attribute_is_refused_and_nothing_is_kept(terminal: Terminal, now: datetime) -> None:
    with pytest.raises(AttributesTooMany):
        service.put_attributes(terminal.pk, {f"k{n}": "v" for n in range(101)}, ConfigMode.MERGE, now)
    assert queries.attributes(terminal.pk) == {}


@pytest.mark.parametrize(("key", "value"), [("", "v"), ("k" * 129, "v"), ("k", "v" * 129), ("k", "a\x00b")])
def test_attribute_that_cannot_be_kept_is_refused(key: str, value: str, terminal: Terminal, now: datetime) -> None:
    with pytest.raises(AttributeInvalid):
        service.put_attributes(terminal.pk, {"good": "1", key: value}, ConfigMode.MERGE, now)
    assert queries.attributes(terminal.pk) == {}


def test_last_polls_are_kept_in_one_batch(terminal: Terminal, now: datetime) -> None:
    service.note_seen([(terminal.pk, now, "127.0.0.1")])
    service.note_seen([(terminal.pk, now + timedelta(seconds=9), None)])
    assert queries.last_seen([terminal.pk]) == {terminal.pk: now + timedelta(seconds=9)}


def test_list_is_paged_by_serial_and_searched_by_name(admin: Identity, operator: Node, now: datetime) -> None:
    for number in range(5):
        service.add_terminal(NewTerminal(f"DEMO-{number}", name=f"收银台 {number}"), admin, now)
    first = queries.page([operator], queries.Filters(), size=3)
    rest = queries.page([operator], queries.Filters(), after_serial=first[-1].serial, size=3)
    assert [terminal.serial for terminal in [*first, *rest]] == [f"DEMO-{number}" for number in range(5)]
    assert [terminal.serial for terminal in queries.page([operator], queries.Filters(search="收银台 3"))] == ["DEMO-3"]
    assert queries.page([], queries.Filters()) == []


def test_name_of_a_model_or_gateway_is_given_once_and_an_unknown_one_revokes_nothing(
    admin: Identity, now: datetime
) -> None:
    service.add_model("demo-touch", ["A"], admin, now)
    with pytest.raises(ModelExists):
        service.add_model("demo-touch", ["B"], admin, now)
    service.create_gateway_token("demo-gateway", admin, now)
    with pytest.raises(GatewayTokenExists):
        service.create_gateway_token("demo-gateway", admin, now)
    with pytest.raises(GatewayTokenUnknown):
        service.revoke_gateway_token("another", admin, now)


@given(st.text(max_size=70))
def test_serials_are_safe_in_a_path(text: str) -> None:
    if is_serial(text):
        assert text.isascii()
        assert not set(text) & set("/%?# \\")


@given(st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.text()))
def test_merge_keeps_all_replace_keeps_the_sent_remove_keeps_the_rest(
    known: dict[str, str], sent: dict[str, str]
) -> None:
    assert merged(known, sent, ConfigMode.MERGE).keys() == known.keys() | sent.keys()
    assert merged(known, sent, ConfigMode.REPLACE) == sent
    assert merged(known, sent, ConfigMode.REMOVE).keys() == known.keys() - sent.keys()
