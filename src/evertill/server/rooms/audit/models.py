"""Tables of the audit room. Rows are only ever inserted; the sealer that chains them reads them by id."""

from __future__ import annotations

from django.db import models

REF_MOST = 600  # the longest address of a node


class AuditEvent(models.Model):
    """One act or one authenticated refusal."""

    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10)
    actor = models.CharField(max_length=150)
    os_user = models.CharField(max_length=64, blank=True)
    act = models.CharField(max_length=60)
    refused = models.CharField(max_length=60, blank=True, help_text="code of the refusal; empty when the act was done")
    kind = models.CharField(max_length=30, help_text="kind of the thing acted on")
    ref = models.CharField(max_length=REF_MOST, help_text="its name: a serial, an id, a node's address")
    node = models.CharField(max_length=600, blank=True, help_text="address of the node it belongs to, at that moment")
    reason = models.TextField(blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        indexes = (
            models.Index(fields=["kind", "ref", "-id"], name="audit_by_object"),
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
        )


class AnonymousRefusal(models.Model):
    """How often somebody unknown was turned away: a count per day, door and code, so that a flood cannot fill the table."""

    day = models.DateField()
    door = models.CharField(max_length=20)
    code = models.CharField(max_length=60)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["day", "door", "code"], name="audit_anonymous_once"),)
