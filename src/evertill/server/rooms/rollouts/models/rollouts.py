"""A rollout: one release for many terminals, group after group."""

from __future__ import annotations

from django.db import models

from evertill.server.rooms.rollouts.rules import RolloutState


class Rollout(models.Model):
    """Its members are fixed when it is created; `group` is the number of the last group that was opened (0: none yet)."""

    name = models.CharField(max_length=120)
    release = models.ForeignKey("catalog.Release", on_delete=models.PROTECT, related_name="+")
    node = models.ForeignKey("organisations.Node", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=[(state.value, state.value) for state in RolloutState])
    success_percent = models.IntegerField()
    error_percent = models.IntegerField()
    timeout_s = models.IntegerField()
    kind = models.CharField(max_length=12)
    group = models.IntegerField(default=0)
    halted_by = models.CharField(max_length=20, blank=True, help_text="rules.Halt; empty while it is not halted")
    halted_at = models.DateTimeField(null=True, help_text="and when; empty while it is not halted")
    halted_group = models.IntegerField(null=True, help_text="number of the group that halted it")
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)


class RolloutGroup(models.Model):
    """One group and what share of the members it takes, in percent of all."""

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="+")
    number = models.IntegerField()
    percent = models.IntegerField()
    pardoned = models.IntegerField(
        default=0, help_text="errors a person knew of when resuming: they halt nothing again"
    )
    opened_at = models.DateTimeField(null=True)
    passed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["rollout", "number"], name="rollouts_group_once"),)


class RolloutMember(models.Model):
    """One terminal's place in a rollout; its action exists once the group was opened."""

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="+")
    terminal = models.ForeignKey("fleet.Terminal", on_delete=models.PROTECT, related_name="+")
    group = models.IntegerField()
    action = models.ForeignKey("rollouts.Action", on_delete=models.PROTECT, related_name="+", null=True)
    withheld = models.BooleanField(
        default=False, help_text="its own terminal, policy or person holds it: it holds no group back"
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=["rollout", "terminal"], name="rollouts_member_once"),)
        indexes = (models.Index(fields=["rollout", "group", "action"], name="rollouts_member_of_group"),)
