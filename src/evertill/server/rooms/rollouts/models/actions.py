"""An action: one terminal, one release, from assignment to proof. Its history is append-only; its row holds the present state."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from evertill.server.rooms.rollouts.states import Kind, Origin, State


class Action(models.Model):
    """Open while `closed_at` is empty. `verified_at` is the moment the terminal's own words proved the result."""

    id = models.IntegerField(
        primary_key=True, help_text="from the sequence `device`: foreign clients parse it as a C int"
    )
    terminal = models.ForeignKey("fleet.Terminal", on_delete=models.PROTECT, related_name="+")
    release = models.ForeignKey("catalog.Release", on_delete=models.PROTECT, related_name="+")
    rollout = models.ForeignKey("rollouts.Rollout", on_delete=models.PROTECT, related_name="+", null=True)
    origin = models.CharField(max_length=10, choices=[(origin.value, origin.value) for origin in Origin])
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in Kind])
    forced_at = models.DateTimeField(null=True, help_text="timeforced: soft until then")
    confirmation_required = models.BooleanField(default=False)
    confirmed_at = models.DateTimeField(null=True)
    maintenance_window = models.JSONField(null=True, help_text="hawkBit's {schedule, duration, timezone}")
    weight = models.IntegerField()
    proof = models.CharField(max_length=150, help_text="how success is proven, as the model said when it was assigned")
    timeout_s = models.IntegerField()

    state = models.CharField(max_length=22, choices=[(state.value, state.value) for state in State])
    assigned_by = models.CharField(max_length=150)
    assigned_at = models.DateTimeField()
    retrieved_at = models.DateTimeField(null=True)
    installing_at = models.DateTimeField(null=True, help_text="our agent: the first report past the last wait")
    described_at = models.DateTimeField(null=True, help_text="the last configData since it was retrieved")
    expires_at = models.DateTimeField(
        null=True, help_text="silence until then counts as failure; empty: nothing is awaited"
    )
    closed_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    timed_out_at = models.DateTimeField(null=True)
    rolled_back = models.BooleanField(default=False)
    purpose = models.CharField(
        max_length=10, help_text="first, update, repair or go_back, by what was installed when it was made"
    )
    tapped_at = models.DateTimeField(null=True, help_text="a person at the terminal said: now")
    closing_at = models.DateTimeField(null=True, help_text="a person at the terminal tapped at closing time")

    journey = models.JSONField(null=True, help_text="our agent's last words about it")
    statuses = models.IntegerField(default=0, help_text="stored reports")
    unstored = models.IntegerField(default=0, help_text="reports past the quota: counted, not kept")

    class Meta:
        indexes = (
            models.Index(fields=["terminal", "-id"], name="rollouts_action_of_terminal"),
            models.Index(fields=["release", "state"], name="rollouts_action_of_release"),
            models.Index(fields=["rollout", "state"], name="rollouts_action_of_rollout"),
            models.Index(fields=["expires_at"], condition=Q(expires_at__isnull=False), name="rollouts_action_awaited"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["terminal"],
                condition=Q(state__in=[State.RUNNING.value, State.WAIT_FOR_CONFIRMATION.value]) & Q(retrieved_at=None),
                name="rollouts_one_waiting_action",
            ),
        )


class ActionStatus(models.Model):
    """One line of an action's history; `messages` are the device's own texts, verbatim."""

    action = models.ForeignKey(Action, on_delete=models.PROTECT, related_name="+")
    type = models.CharField(max_length=22, choices=[(state.value, state.value) for state in State])
    at = models.DateTimeField()
    code = models.IntegerField(null=True)
    messages = models.JSONField(default=list)

    class Meta:
        indexes = (models.Index(fields=["action", "-id"], name="rollouts_status_of_action"),)


class OfferWord(models.Model):
    """A person's word on an offer, as the terminal sent it; the uuid makes a repeated report harmless."""

    uuid = models.UUIDField()
    terminal = models.ForeignKey("fleet.Terminal", on_delete=models.PROTECT, related_name="+")
    release = models.ForeignKey("catalog.Release", on_delete=models.PROTECT, related_name="+")
    act = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["terminal", "uuid"], name="rollouts_word_once"),)
