"""Tables of the policies room: what is set where, every change with its proof, and what people at terminals said."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class PolicyField(models.Model):
    """One field set at a node or at a terminal. What is not set is inherited."""

    node = models.ForeignKey("organisations.Node", on_delete=models.PROTECT, related_name="+", null=True)
    terminal = models.ForeignKey("fleet.Terminal", on_delete=models.PROTECT, related_name="+", null=True)
    field = models.CharField(max_length=40)
    value = models.JSONField()
    mandated = models.BooleanField(default=False, help_text="holds for everything below, whatever is set there")
    set_by = models.CharField(max_length=150)
    at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, help_text="from then on it counts as not set")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(node=None, terminal__isnull=False) | Q(node__isnull=False, terminal=None),
                name="policies_field_one_target",
            ),
            models.UniqueConstraint(
                fields=["node", "field"], condition=Q(terminal=None), name="policies_field_of_node"
            ),
            models.UniqueConstraint(
                fields=["terminal", "field"], condition=Q(node=None), name="policies_field_of_terminal"
            ),
        )
        indexes = (models.Index(fields=["ends_at"], condition=Q(ends_at__isnull=False), name="policies_field_ends"),)


class PolicyChange(models.Model):
    """The one record of a switch, whichever way it was made (design §4). Rows are never changed but for `outcome`."""

    uuid = models.UUIDField()
    node = models.ForeignKey("organisations.Node", on_delete=models.PROTECT, related_name="+", null=True)
    terminal = models.ForeignKey("fleet.Terminal", on_delete=models.PROTECT, related_name="+", null=True)
    field = models.CharField(max_length=40)
    value = models.JSONField(null=True, help_text="empty: back to what is inherited")
    mandated = models.BooleanField(default=False)
    way = models.CharField(max_length=10)
    person = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    risk_text = models.CharField(max_length=64, blank=True, help_text="version of the text that was shown")
    base_revision = models.IntegerField(null=True, help_text="what the person saw; None: made on the server itself")
    made_at = models.DateTimeField(null=True, help_text="the terminal's clock: for display, decides nothing")
    received_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12)
    problem = models.CharField(max_length=60, blank=True, help_text="code of the refusal, for one that was refused")

    class Meta:
        # Terminals choose their uuids themselves: each counts once for the terminal that sent it.
        constraints = (models.UniqueConstraint(fields=["terminal", "uuid"], name="policies_change_once"),)
        indexes = (
            models.Index(fields=["terminal", "-id"], name="policies_change_of_terminal"),
            models.Index(fields=["node", "-id"], name="policies_change_of_node"),
        )


class Conflict(models.Model):
    """A fork: the same field was changed at the terminal and on the server. While open, nothing installs by itself."""

    terminal = models.ForeignKey("fleet.Terminal", on_delete=models.PROTECT, related_name="+")
    field = models.CharField(max_length=40)
    change = models.OneToOneField(PolicyChange, on_delete=models.PROTECT, related_name="+")
    server_value = models.JSONField()
    terminal_value = models.JSONField(null=True)
    at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["terminal"], condition=Q(settled_at=None), name="policies_conflict_open"),)


class Revision(models.Model):
    """A terminal's policy as it was last resolved, its number, and what the terminal works by."""

    terminal = models.OneToOneField("fleet.Terminal", on_delete=models.PROTECT, related_name="+", primary_key=True)
    revision = models.IntegerField(default=1)
    fields = models.JSONField(help_text="{field: effective value} at this revision")
    changed = models.JSONField(default=dict, help_text="{field: revision of its last change}")
    acknowledged = models.IntegerField(default=0)
    acknowledged_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True, help_text="the terminal's clock: for display")


class Consent(models.Model):
    """A person read what changes and ticked it."""

    terminal = models.ForeignKey("fleet.Terminal", on_delete=models.PROTECT, related_name="+")
    release = models.ForeignKey("catalog.Release", on_delete=models.PROTECT, related_name="+")
    components = models.JSONField(default=list, help_text="what was ticked; empty: all of it")
    text_version = models.CharField(max_length=64, blank=True)
    person = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["terminal", "release"], name="policies_consent_once"),)


class Postponement(models.Model):
    """A person's later, with the day its clock began: it never restarts."""

    terminal = models.ForeignKey("fleet.Terminal", on_delete=models.PROTECT, related_name="+")
    release = models.ForeignKey("catalog.Release", on_delete=models.PROTECT, related_name="+")
    first_at = models.DateTimeField()
    until = models.DateTimeField()
    person = models.CharField(max_length=150)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["terminal", "release"], name="policies_postponement_once"),)


class Displayed(models.Model):
    """When a terminal first said that it shows a release: only its own report makes this row, and a deadline counts from it."""

    terminal = models.ForeignKey("fleet.Terminal", on_delete=models.PROTECT, related_name="+")
    release = models.ForeignKey("catalog.Release", on_delete=models.PROTECT, related_name="+")
    first_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["terminal", "release"], name="policies_displayed_once"),)


class Freeze(models.Model):
    """Every freeze that has begun, and those ahead: past ones are remembered, so that two cannot follow each other too closely."""

    node = models.ForeignKey("organisations.Node", on_delete=models.PROTECT, related_name="+", null=True)
    terminal = models.ForeignKey("fleet.Terminal", on_delete=models.PROTECT, related_name="+", null=True)
    starts = models.DateField()
    ends = models.DateField()
    set_by = models.CharField(max_length=150)
    at = models.DateTimeField()


class Waiver(models.Model):
    """A release's date does not act here until `ends_at`, for a reason."""

    node = models.ForeignKey("organisations.Node", on_delete=models.PROTECT, related_name="+", null=True)
    terminal = models.ForeignKey("fleet.Terminal", on_delete=models.PROTECT, related_name="+", null=True)
    release = models.ForeignKey("catalog.Release", on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    set_by = models.CharField(max_length=150)
    at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(node=None, terminal__isnull=False) | Q(node__isnull=False, terminal=None),
                name="policies_waiver_one_target",
            ),
        )
