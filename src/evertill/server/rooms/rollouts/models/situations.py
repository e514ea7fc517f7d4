"""What a list of terminals is narrowed by: each one's update state and the reason that leads it, written by `service.situations` alone."""

from __future__ import annotations

from django.db import models


class Situation(models.Model):
    """What the list's chip says while the terminal is heard from; silence is read beside it, from when it was last seen.

    Apart from `Standing`, which a poll reads and which stays narrow. Each index ends with the serial: a filtered list is read in its order, page by page.
    """

    terminal = models.OneToOneField("fleet.Terminal", on_delete=models.PROTECT, related_name="+", primary_key=True)
    serial = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=4, help_text="rules.Update")
    reason = models.CharField(
        max_length=64, blank=True, help_text="code of the reason that leads; empty: none holds it"
    )
    silent_after_s = models.IntegerField(help_text="no contact for longer than this is silence")
    review_at_s = models.BigIntegerField(null=True, help_text="when time alone may change it, in Unix seconds")

    class Meta:
        indexes = (
            models.Index(fields=["state", "serial"], name="rollouts_situation_by_state"),
            models.Index(fields=["reason", "serial"], name="rollouts_situation_by_reason"),
            models.Index(
                fields=["review_at_s"],
                name="rollouts_situation_review",
                condition=models.Q(review_at_s__isnull=False),
            ),
        )
