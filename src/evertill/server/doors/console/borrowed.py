"""Sentences of libraries that our pages show and whose own catalogues have no Chinese: named here so that ours has it. Nothing imports this."""

from __future__ import annotations

from typing import Final

from django.utils.translation import ngettext_lazy

# django.contrib.auth.password_validation, 5.2: its sentence changed, its Chinese did not.
PASSWORD_TOO_SHORT: Final = ngettext_lazy(
    "This password is too short. It must contain at least %d character.",
    "This password is too short. It must contain at least %d characters.",
    "least",
)
