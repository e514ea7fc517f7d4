"""What a poll reads: one narrow row per terminal, written by `service.refresh` alone."""

from __future__ import annotations

from django.db import models


class Standing(models.Model):
    """The door shows `link` until `closes_at_s`; moments are Unix seconds, so that raw drivers need no parsing."""

    terminal = models.OneToOneField("fleet.Terminal", on_delete=models.PROTECT, related_name="+", primary_key=True)
    serial = models.CharField(max_length=64, unique=True)
    digests = models.TextField(
        blank=True, help_text="hashes of the tokens it may show, space-separated; empty: shut out"
    )
    client = models.CharField(max_length=10)
    link = models.CharField(max_length=8, help_text="none, confirm, deploy or cancel")
    action_id = models.IntegerField(null=True, help_text="the action of the link")
    forced = models.BooleanField(default=False, help_text="goes into the link's `c`")
    installed_id = models.IntegerField(null=True, help_text="the last finished action: link installedBase")
    opens_at_s = models.BigIntegerField(null=True, help_text="when a hold that time alone clears may end")
    closes_at_s = models.BigIntegerField(
        null=True, help_text="from then on the link is not shown until it was decided again"
    )
    poll_s = models.IntegerField()
    policy_revision = models.IntegerField()
    wants_config = models.BooleanField()

    class Meta:
        indexes = (
            models.Index(
                fields=["opens_at_s"], name="rollouts_standing_opens", condition=models.Q(opens_at_s__isnull=False)
            ),
            models.Index(
                fields=["closes_at_s"], name="rollouts_standing_closes", condition=models.Q(closes_at_s__isnull=False)
            ),
        )
