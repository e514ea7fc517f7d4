"""Tables of the fleet. What changes with every poll lives in its own narrow table."""

from __future__ import annotations

from django.db import models

from evertill.server.rooms.fleet.rules import REVISION_MOST, Client, State


class Model(models.Model):
    """A kind of terminal hardware, its revisions, and how success is proven on it."""

    name = models.CharField(max_length=60, unique=True)
    hardware = models.JSONField(default=list, help_text="known hardware revisions, texts")
    proof = models.CharField(max_length=150, blank=True, help_text="empty: by the client's kind (rules.default_proof)")

    def __str__(self) -> str:
        return self.name


class Terminal(models.Model):
    """One terminal; `serial` is its controllerId at the device door."""

    id = models.AutoField(
        primary_key=True
    )  # 31 bits: on SQLite what hangs on it lies at its own row number, 2 µs of a poll
    serial = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120, blank=True)
    node = models.ForeignKey("organisations.Node", on_delete=models.PROTECT, related_name="+")
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="+", null=True)
    hardware_revision = models.CharField(max_length=REVISION_MOST, blank=True)
    client = models.CharField(max_length=10, choices=[(client.value, client.value) for client in Client])
    state = models.CharField(
        max_length=10, default=State.ACTIVE, choices=[(state.value, state.value) for state in State]
    )
    wants_config = models.BooleanField(default=True, help_text="the next poll asks for configData")
    added_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.serial


class Credential(models.Model):
    """A token a terminal may show; only its hash is kept. While a token is rotated two are usable."""

    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, help_text="a rotated token's last moment")
    revoked_at = models.DateTimeField(null=True)


class GatewayToken(models.Model):
    """A token that speaks for any terminal behind one gateway; only its hash is kept."""

    name = models.CharField(max_length=60, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)


class Registration(models.Model):
    """One row: whether an unknown serial with a gateway token becomes a terminal, and at which node."""

    allowed = models.BooleanField(default=False)
    node = models.ForeignKey("organisations.Node", on_delete=models.PROTECT, related_name="+", null=True)


class Seen(models.Model):
    """When and from where a terminal last polled; written in batches, never indexed by time (docs/architecture.md)."""

    terminal = models.OneToOneField(Terminal, on_delete=models.PROTECT, related_name="+", primary_key=True)
    at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True)


class Attribute(models.Model):
    """What a terminal says of itself (configData)."""

    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=128)
    value = models.CharField(max_length=128, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["terminal", "key"], name="fleet_attribute_once"),)
        indexes = (models.Index(fields=["key", "value"], name="fleet_attribute_value"),)
