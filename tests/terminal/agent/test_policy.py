"""The policy on the terminal: what a person sets here holds at once and reaches the server; what is held above stays held."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import Mode, Snapshot
from evertill.protocol.release import Guardrails
from evertill.terminal.agent.connection import Connection
from evertill.terminal.agent.outbox import Outbox
from evertill.terminal.agent.policy import PolicyStore
from evertill.terminal.agent.reports import Reports
from tests.fakes import fake_server as rubbish
from tests.fakes.fake_server import FakeServer
from tests.terminal.agent.making import TurnedClock, code_of

Make = Callable[[], PolicyStore]


@pytest.fixture
def outbox(state: Path) -> Outbox:
    return Outbox(state / "outbox")


@pytest.fixture
def make(state: Path, clock: TurnedClock, outbox: Outbox) -> Make:
    return lambda: PolicyStore(state / "policy.json", clock, outbox, Reports(outbox, clock, lambda: None))


@pytest.fixture
def store(make: Make) -> PolicyStore:
    return make()


def snapshot(revision: int, *, mandated: bool = False, **fields: Any) -> Snapshot:
    words = {name: {"value": value, "origin": "DEFAULT/agent", "mandated": mandated} for name, value in fields.items()}
    return msgspec.convert({"revision": revision, "fields": words, "time_zone": "Asia/Shanghai"}, Snapshot)


def switch(store: PolicyStore, mode: str, **words: Any) -> None:
    store.change("mode", mode, Guardrails(), person="owner", risk_text="never-1", **words)


def test_a_fresh_terminal_works_by_the_defaults(store: PolicyStore) -> None:
    effective = store.effective()
    assert effective.policy.mode is Mode.AUTOMATIC
    assert str(effective.policy.window) == "03:00-05:00"
    assert effective.revision == 0


def test_a_snapshot_is_taken_over_once_and_survives_a_restart(store: PolicyStore, make: Make) -> None:
    assert store.apply(snapshot(3, mode="manual", window="22:00-02:00"))
    assert not store.apply(snapshot(3, mode="manual", window="22:00-02:00"))
    effective = make().effective()
    assert effective.policy.mode is Mode.MANUAL
    assert str(effective.policy.window) == "22:00-02:00"
    assert effective.revision == 3


def test_an_unreadable_snapshot_changes_nothing(store: PolicyStore) -> None:
    store.apply(snapshot(3, mode="manual"))
    with pytest.raises(ProtocolRefused) as refused:
        store.apply(snapshot(4, mode="sometimes"))
    assert code_of(refused) == "POLICY_VALUE_INVALID"
    assert store.effective().revision == 3


def test_switching_off_at_the_terminal_holds_at_once_and_offline(store: PolicyStore, make: Make) -> None:
    store.apply(snapshot(3, mode="automatic"))
    switch(store, "never")
    for where in (store, make()):
        effective = where.effective()
        assert effective.policy.mode is Mode.NEVER
        assert [change.field for change in effective.pending] == ["mode"]


def test_the_server_hears_who_changed_what_and_how(
    server: FakeServer, connection: Connection, store: PolicyStore, outbox: Outbox
) -> None:
    store.apply(snapshot(3, mode="automatic"))
    switch(store, "never")
    outbox.deliver(connection)
    outbox.deliver(connection)
    (change,) = server.policy_changes.values()
    assert change["field"] == "mode"
    assert change["value"] == "never"
    assert change["way"] == "terminal"
    assert change["person"] == "owner"
    assert change["base_revision"] == 3
    assert change["risk_text"] == "never-1"


def test_once_the_server_has_taken_it_the_servers_word_is_the_policy(
    connection: Connection, store: PolicyStore, outbox: Outbox
) -> None:
    store.apply(snapshot(3, mode="automatic"))
    switch(store, "never")
    outbox.deliver(connection)
    assert store.apply(snapshot(4, mode="never"))
    assert store.effective().pending == ()
    assert store.effective().policy.mode is Mode.NEVER


def test_a_server_slow_to_apply_what_it_took_switches_nothing_back_on(
    connection: Connection, store: PolicyStore, outbox: Outbox
) -> None:
    store.apply(snapshot(3, mode="automatic"))
    switch(store, "never")
    outbox.deliver(connection)
    store.apply(snapshot(3, mode="automatic"))
    assert store.effective().policy.mode is Mode.NEVER


def test_what_the_server_refused_for_good_is_not_kept_up_here(
    server: FakeServer, connection: Connection, store: PolicyStore, outbox: Outbox
) -> None:
    store.apply(snapshot(3, mode="automatic"))
    switch(store, "never")
    server.script("policy/changes", rubbish.status(409))
    outbox.deliver(connection)
    store.apply(snapshot(3, mode="automatic"))
    assert store.effective().policy.mode is Mode.AUTOMATIC


def test_an_old_snapshot_does_not_undo_a_change_the_server_has_not_heard_of(store: PolicyStore) -> None:
    store.apply(snapshot(3, mode="automatic"))
    switch(store, "never")
    store.apply(snapshot(3, mode="automatic"))
    assert store.effective().policy.mode is Mode.NEVER
    assert not store.effective().forked


@pytest.mark.parametrize(
    ("here", "there", "holds"),
    [("automatic", "never", Mode.NEVER), ("never", "automatic", Mode.NEVER), ("automatic", "manual", Mode.MANUAL)],
)
def test_after_a_fork_the_cautious_value_holds(store: PolicyStore, here: str, there: str, holds: Mode) -> None:
    store.apply(snapshot(3, mode="manual"))
    switch(store, here)
    store.apply(snapshot(4, mode=there))
    effective = store.effective()
    assert effective.forked
    assert effective.policy.mode is holds


def test_what_is_held_from_above_cannot_be_changed_here(store: PolicyStore, outbox: Outbox) -> None:
    store.apply(snapshot(3, mandated=True, mode="automatic"))
    with pytest.raises(ProtocolRefused) as refused:
        switch(store, "never")
    assert code_of(refused) == "POLICY_HELD"
    assert "DEFAULT/agent" in refused.value.text("zh")
    assert len(outbox) == 0


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("mode", "sometimes", "POLICY_VALUE_INVALID"),
        ("colour", "red", "POLICY_FIELD_UNKNOWN"),
        ("poll_s", 60, "POLICY_NOT_HERE"),
        ("battery_floor_percent", 10, "POLICY_GUARDRAIL"),
        ("freeze", [{"starts_on": "2026-12-01", "ends_on": "2027-06-01"}], "FREEZE_TOO_LONG"),
    ],
)
def test_a_value_that_cannot_stand_is_refused_with_its_code(
    store: PolicyStore, field: str, value: Any, code: str
) -> None:
    with pytest.raises(ProtocolRefused) as refused:
        store.change(field, value, Guardrails(), person="owner", risk_text="")
    assert code_of(refused) == code


def test_a_change_with_an_end_ends(store: PolicyStore, clock: TurnedClock) -> None:
    store.apply(snapshot(3, mode="automatic"))
    switch(store, "never", ends_at=clock() + timedelta(days=3))
    clock.turn(days=2, hours=23)
    assert store.effective().policy.mode is Mode.NEVER
    clock.turn(hours=1)
    assert store.effective().policy.mode is Mode.AUTOMATIC


def test_a_second_thought_replaces_the_first(store: PolicyStore) -> None:
    switch(store, "never")
    switch(store, "manual")
    assert [change.value for change in store.effective().pending] == ["manual"]


def test_a_damaged_record_asks_first_until_the_server_answers(store: PolicyStore, make: Make, state: Path) -> None:
    store.apply(snapshot(3, mode="never"))
    (state / "policy.json").write_bytes(b'{"snapshot": {')
    damaged = make()
    assert damaged.effective().policy.mode is Mode.MANUAL
    damaged.apply(snapshot(3, mode="never"))
    assert damaged.effective().policy.mode is Mode.NEVER
