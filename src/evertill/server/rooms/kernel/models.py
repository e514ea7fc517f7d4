"""Tables of the kernel: the integer sequences and the leases and queue of background jobs."""

from __future__ import annotations

from django.db import models


class Sequence(models.Model):
    """The last number handed out under a name (see `ids`)."""

    name = models.CharField(max_length=40, primary_key=True)
    last = models.BigIntegerField(default=0)


class JobLease(models.Model):
    """One row per registered job: when it is due, and who runs it now."""

    name = models.CharField(max_length=60, primary_key=True)
    due_at = models.DateTimeField()
    holder = models.CharField(max_length=80, blank=True)
    leased_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    failure = models.TextField(blank=True)


class QueuedWork(models.Model):
    """Work too large for one transaction: handed to a handler piece by piece, with its progress kept."""

    kind = models.CharField(max_length=60)
    payload = models.JSONField()
    cursor = models.JSONField(null=True)
    done = models.IntegerField(default=0)
    queued_at = models.DateTimeField()
    waits_until = models.DateTimeField(null=True, help_text="after a failure: not tried again before")
    failure = models.TextField(blank=True, help_text="of the last try")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["finished_at", "id"], name="kernel_queue_open"),)
