"""What people type to plan a rollout, read and bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext_lazy as _

from evertill.server.rooms.rollouts.service.groups import NewRollout
from evertill.server.rooms.rollouts.states import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import QueryDict

    from evertill.server.rooms.catalog.models import Release

HOUR_S = 3600


class RolloutForm(forms.Form):
    """`as_new` is what the room takes; which groups and which node are possible, the room says."""

    release = forms.TypedChoiceField(label=_("Release"), coerce=int, help_text=_("Published releases, newest first."))
    at = forms.CharField(
        label=_("Terminals below"),
        required=False,
        max_length=600,
        help_text=_("A node's address; empty: the whole operator."),
    )
    name = forms.CharField(label=_("Name"), required=False, max_length=120, help_text=_("Empty: the release's name."))
    groups = forms.CharField(
        label=_("Groups"),
        initial="10,40,50",
        max_length=200,
        help_text=_("Percent of all terminals, group after group, together 100."),
    )
    success = forms.IntegerField(
        label=_("Next group at"), initial=95, min_value=1, max_value=100, help_text=_("Percent verified.")
    )
    error = forms.IntegerField(
        label=_("Halt at"),
        initial=10,
        min_value=1,
        max_value=100,
        help_text=_("Percent failed, rolled back or silent."),
    )
    timeout_h = forms.IntegerField(
        label=_("Silence is failure after"),
        initial=24,
        min_value=1,
        max_value=24 * 30,
        help_text=_("Hours since it was fetched."),
    )
    kind = forms.ChoiceField(
        label=_("How"),
        choices=[
            (Kind.SOFT.value, _("As the policy says")),
            (Kind.FORCED.value, _("Forced: skips consent and postponement, never “never”")),
        ],
    )

    def __init__(
        self, releases: Iterable[Release], said: QueryDict | None = None, initial: dict[str, str] | None = None
    ) -> None:
        super().__init__(said, initial=initial, label_suffix="")
        release = self.fields["release"]
        if isinstance(release, forms.ChoiceField):
            release.choices = [(each.pk, f"{each} ({each.pk})") for each in releases]

    def as_new(self) -> NewRollout:
        """Of a form that is valid."""
        said = self.cleaned_data
        return NewRollout(
            release_id=said["release"],
            at=said["at"],
            name=said["name"],
            groups=said["groups"],
            success_percent=said["success"],
            error_percent=said["error"],
            timeout_s=said["timeout_h"] * HOUR_S,
            kind=Kind(said["kind"]),
        )
