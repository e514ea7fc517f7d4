"""Tables of the catalogue: files as uploaded, releases and what they are made of. What a terminal trusts is the signed document, never a row."""

from __future__ import annotations

from django.db import models


class Artifact(models.Model):
    """One uploaded file, kept under its sha256. A bundle is one of our components; a passthrough file belongs to a ddi client's own updater."""

    filename = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=12, help_text="bundle or passthrough")
    type = models.CharField(max_length=20, help_text="app, module, params, agent, os, firmware")
    name = models.CharField(max_length=128, help_text="the component")
    version = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    md5 = models.CharField(max_length=32)
    sha1 = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64, db_index=True)
    sha512 = models.CharField(max_length=128)
    manifest = models.JSONField(null=True, help_text="a bundle's manifest without its list of files")
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=150)


class Release(models.Model):
    """One release; its id comes from `kernel.ids` and is never used again. Once published only `state` and its moments change."""

    id = models.IntegerField(primary_key=True)
    name = models.CharField(max_length=128)
    version = models.CharField(max_length=64)
    severity = models.CharField(max_length=12)
    notes = models.JSONField(help_text="language to text")
    required_at = models.DateTimeField(null=True)
    emergency = models.BooleanField(default=False)
    fixes_on = models.CharField(max_length=64, blank=True)
    minutes = models.IntegerField()
    requirements = models.JSONField(default=list)
    stepping_stone = models.JSONField(null=True)
    recovery = models.JSONField(default=dict)
    must_unplug = models.BooleanField(default=False)
    incompatible_peripherals = models.JSONField(default=list, help_text="USB ids; the terminal itself looks for them")
    cves = models.JSONField(default=list)
    state = models.CharField(max_length=20, help_text="draft, awaiting_signatures, published, withdrawn, revoked")
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["state", "-id"], name="catalog_release_state"),)

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class ReleaseComponent(models.Model):
    """One file of a release. `module_id` is the software module id that DDI clients see, from the sequence they share with actions."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="+")
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+")
    module_id = models.IntegerField(unique=True)
    position = models.IntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["release", "artifact"], name="catalog_component_once"),)
