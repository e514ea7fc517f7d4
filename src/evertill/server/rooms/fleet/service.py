"""Changing the fleet: terminals, models, device tokens, and what terminals say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils.translation import gettext as _

from evertill.server.rooms.accounts import tokens
from evertill.server.rooms.accounts.commands import command
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.fleet import queries
from evertill.server.rooms.fleet.errors import (
    AttributeInvalid,
    AttributesTooMany,
    DeviceRefused,
    GatewayTokenExists,
    GatewayTokenUnknown,
    ModelExists,
    TerminalExists,
    TerminalRetired,
)
from evertill.server.rooms.fleet.events import AttributesReported, TerminalsChanged
from evertill.server.rooms.fleet.models import Attribute, Credential, GatewayToken, Model, Registration, Terminal
from evertill.server.rooms.fleet.rules import (
    ATTRIBUTE_KEY_MOST,
    ATTRIBUTE_VALUE_MOST,
    ATTRIBUTES_MOST,
    REVISION_MOST,
    Client,
    ConfigMode,
    State,
    is_proof,
    is_serial,
    merged,
)
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.kernel.events import raise_event
from evertill.server.rooms.kernel.rows import check_texts
from evertill.server.rooms.organisations import queries as organisations

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node

TOKEN_MOST = 128  # custom tokens may be this long (DDI facts §1)
TOKEN_LEAST = 16
ROTATION = timedelta(days=7)

_SEEN = """
INSERT INTO fleet_seen (terminal_id, at, address) VALUES (%s, %s, %s)
ON CONFLICT (terminal_id) DO UPDATE SET at = excluded.at, address = excluded.address
"""


@dataclass(frozen=True)
class NewTerminal:
    """What is said of a terminal when it is added. An empty token means: make one."""

    serial: str
    at: str = ""
    model: str = ""
    hardware_revision: str = ""
    client: Client = Client.EVERTILL
    name: str = ""
    token: str = ""


def add_model(name: str, hardware: list[str], by: Identity, now: datetime, proof: str = "") -> Model:
    """Raises `ModelExists`, `FieldInvalid`, `NotAllowed`."""
    with command(by, "model.add", kind="model", ref=name, now=now) as act:
        act.require(Operation.TERMINALS_EDIT, organisations.operator())
        if proof and not is_proof(proof):
            raise FieldInvalid(field="proof", problem=_("use versions, after_restart, reported or attribute:KEY"))
        model = Model(name=name, hardware=hardware, proof=proof)
        check_texts(model)
        if any(len(revision) > REVISION_MOST for revision in hardware):
            raise FieldInvalid(field="hardware", problem=_("use at most %(most)s characters") % {"most": REVISION_MOST})
        if Model.objects.filter(name=name).exists():
            raise ModelExists(model=name)
        model.save(force_insert=True)
        return model


def add_terminal(new: NewTerminal, by: Identity, now: datetime) -> tuple[Terminal, str]:
    """A terminal and the token it must show; the token is known only now.

    Raises `TerminalExists`, `NodeUnknown`, `ModelUnknown`, `FieldInvalid`, `NotAllowed`.
    """
    with command(by, "terminal.add", kind="terminal", ref=new.serial, now=now) as act:
        node = organisations.by_address(new.at) if new.at else organisations.operator()
        act.require(Operation.TERMINALS_EDIT, node)
        terminal = _create(new, node, now)
        token = new.token or tokens.fresh()
        _check_token(token)
        Credential.objects.create(terminal=terminal, digest=tokens.digest(token), made_at=now)
        act.details.update(client=new.client.value, model=new.model)
        raise_event(TerminalsChanged(now, (terminal.pk,)))
    return terminal, token


def rotate_token(serial: str, by: Identity, now: datetime) -> str:
    """A new token; the old ones end after a week, so that the device can be given the new one without a gap."""
    with command(by, "terminal.rotate-token", kind="terminal", ref=serial, now=now) as act:
        terminal = queries.by_serial(serial)
        act.require(Operation.TERMINALS_EDIT, terminal.node)
        Credential.objects.filter(terminal=terminal, revoked_at=None, ends_at=None).update(ends_at=now + ROTATION)
        token = tokens.fresh()
        Credential.objects.create(terminal=terminal, digest=tokens.digest(token), made_at=now)
        raise_event(TerminalsChanged(now, (terminal.pk,)))
    return token


def revoke_tokens(serial: str, by: Identity, now: datetime) -> None:
    """Shuts the door for this terminal at once, whatever token it shows."""
    with command(by, "terminal.revoke-tokens", kind="terminal", ref=serial, now=now) as act:
        terminal = queries.by_serial(serial)
        act.require(Operation.TERMINALS_EDIT, terminal.node)
        Credential.objects.filter(terminal=terminal, revoked_at=None).update(revoked_at=now)
        raise_event(TerminalsChanged(now, (terminal.pk,)))


def retire(serial: str, by: Identity, now: datetime) -> None:
    """The terminal leaves service for good; its tokens are revoked. Raises `TerminalRetired` when it has left already."""
    with command(by, "terminal.retire", kind="terminal", ref=serial, now=now) as act:
        terminal = queries.by_serial(serial)
        act.require(Operation.TERMINALS_EDIT, terminal.node)
        if not Terminal.objects.filter(pk=terminal.pk).exclude(state=State.RETIRED).update(state=State.RETIRED):
            raise TerminalRetired(serial=serial)
        Credential.objects.filter(terminal=terminal, revoked_at=None).update(revoked_at=now)
        raise_event(TerminalsChanged(now, (terminal.pk,)))


def create_gateway_token(name: str, by: Identity, now: datetime) -> str:
    """Raises `GatewayTokenExists`, `NotAllowed`."""
    with command(by, "gateway-token.create", kind="gateway-token", ref=name, now=now) as act:
        act.require(Operation.TOKENS_EDIT, organisations.operator())
        if GatewayToken.objects.filter(name=name).exists():
            raise GatewayTokenExists(name=name)
        token = tokens.fresh()
        row = GatewayToken(name=name, digest=tokens.digest(token), made_at=now)
        check_texts(row)
        row.save(force_insert=True)
    return token


def revoke_gateway_token(name: str, by: Identity, now: datetime) -> None:
    """Raises `GatewayTokenUnknown`, `NotAllowed`."""
    with command(by, "gateway-token.revoke", kind="gateway-token", ref=name, now=now) as act:
        act.require(Operation.TOKENS_EDIT, organisations.operator())
        if not GatewayToken.objects.filter(name=name, revoked_at=None).update(revoked_at=now):
            raise GatewayTokenUnknown(name=name)


def set_registration(allowed: bool, at: str, by: Identity, now: datetime) -> None:  # noqa: FBT001 - on or off is the whole command
    """Whether unknown serials with a gateway token become terminals, and where (empty: the operator)."""
    with command(by, "registration.set", kind="registration", ref="device", now=now) as act:
        node = organisations.by_address(at) if at else organisations.operator()
        act.require(Operation.TERMINALS_EDIT, node)
        act.details["allowed"] = allowed
        Registration.objects.update_or_create(pk=1, defaults={"allowed": allowed, "node": node})


def gateway_token_shown(token: str) -> str:
    """Name of the gateway whose token was shown. Raises `DeviceRefused`."""
    found = GatewayToken.objects.filter(digest=tokens.digest(token), revoked_at=None).first()
    if found is None:
        raise DeviceRefused
    return found.name


def register(serial: str, gateway: str, by: Identity, now: datetime) -> Terminal:
    """The terminal behind a gateway, added on its first poll where the operator allows that. Raises `DeviceRefused`."""
    known = Terminal.objects.filter(serial=serial).first()
    if known is not None:
        return known
    with command(by, "terminal.register", kind="terminal", ref=serial, now=now) as act:
        registration = Registration.objects.select_related("node").filter(pk=1, allowed=True).first()
        if registration is None or registration.node is None:
            raise DeviceRefused
        act.node, act.details["gateway"] = registration.node.address, gateway
        terminal = _create(NewTerminal(serial, client=Client.DDI), registration.node, now)
        raise_event(TerminalsChanged(now, (terminal.pk,)))
    return terminal


@transaction.atomic
def put_attributes(terminal_id: int, sent: dict[str, str], mode: ConfigMode, now: datetime) -> None:
    """What a terminal says of itself. Raises `AttributeInvalid`, `AttributesTooMany`; then nothing is changed."""
    for key, value in sent.items():
        _check_attribute(key, value)
    known = queries.attributes(terminal_id)
    after = merged(known, sent, mode)
    if len(after) > ATTRIBUTES_MOST:
        raise AttributesTooMany(most=ATTRIBUTES_MOST, count=len(after))
    Attribute.objects.filter(terminal_id=terminal_id, key__in=known.keys() - after.keys()).delete()
    Attribute.objects.bulk_create(
        [
            Attribute(terminal_id=terminal_id, key=key, value=value, at=now)
            for key, value in after.items()
            if known.get(key) != value
        ],
        update_conflicts=True,
        unique_fields=["terminal", "key"],
        update_fields=["value", "at"],
    )
    Terminal.objects.filter(pk=terminal_id).update(wants_config=False)
    raise_event(AttributesReported(now, terminal_id, after))
    raise_event(TerminalsChanged(now, (terminal_id,)))


def ask_for_config(terminal_id: int, now: datetime) -> None:
    """The next poll asks the terminal to describe itself."""
    Terminal.objects.filter(pk=terminal_id).update(wants_config=True)
    raise_event(TerminalsChanged(now, (terminal_id,)))


@transaction.atomic
def note_seen(polls: Iterable[tuple[int, datetime, str | None]]) -> None:
    """Last polls (terminal id, moment, address) in one batch, to the second. A crash may lose the last second of these, nothing else.

    In the order of the rows: neighbours share a page (1.5 µs of a poll), and two batches never lock crosswise.
    """
    stored = cache(connection.ops.adapt_datetimefield_value)  # a batch has thousands of polls and a few seconds
    with connection.cursor() as cursor:
        rows = (
            (each, stored(at.replace(microsecond=0)), address) for each, at, address in sorted(polls, key=itemgetter(0))
        )
        cursor.executemany(_SEEN, list(rows))


def _create(new: NewTerminal, node: Node, now: datetime) -> Terminal:
    if not is_serial(new.serial):
        raise FieldInvalid(field="serial", problem=_("use 1 to 64 letters, digits, dots, hyphens or underscores"))
    known = Terminal.objects.select_related("node").filter(serial=new.serial).first()
    if known is not None:
        raise TerminalExists(serial=new.serial, node=known.node.address)
    model = queries.model_named(new.model) if new.model else None
    if model is not None and new.hardware_revision and new.hardware_revision not in model.hardware:
        raise FieldInvalid(field="hardware_revision", problem=_("this model has no such revision"))
    terminal = Terminal(
        serial=new.serial,
        name=new.name,
        node=node,
        model=model,
        hardware_revision=new.hardware_revision,
        client=new.client,
        added_at=now,
    )
    check_texts(terminal)
    terminal.save(force_insert=True)
    return terminal


def _check_token(token: str) -> None:
    if not (TOKEN_LEAST <= len(token) <= TOKEN_MOST and token.isascii() and token.isprintable() and " " not in token):
        raise FieldInvalid(field="token", problem=_("use 16 to 128 printable ASCII characters without spaces"))


def _check_attribute(key: str, value: str) -> None:
    if not 1 <= len(key) <= ATTRIBUTE_KEY_MOST:
        raise AttributeInvalid(key=key[:40], problem=_("the key is empty or too long"))
    if len(value) > ATTRIBUTE_VALUE_MOST:
        raise AttributeInvalid(key=key[:40], problem=_("the value is too long"))
    if "\x00" in key + value:
        raise AttributeInvalid(key=key[:40], problem=_("a NUL character cannot be kept"))
