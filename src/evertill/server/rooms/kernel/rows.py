"""Texts that no database could keep, refused before one is asked: PostgreSQL would break off, SQLite would keep what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import CharField
from django.utils.translation import gettext as _

from evertill.server.rooms.kernel.errors import FieldInvalid

if TYPE_CHECKING:
    from django.db.models import Model


def check_texts(row: Model, set_later: str = "") -> None:
    """Raises `FieldInvalid` for the first text of an unsaved row that is empty where it must not be, too long, or holds a NUL."""
    for field in row._meta.concrete_fields:  # noqa: SLF001 - Django's documented name
        if field.name == set_later:
            continue
        text = getattr(row, field.attname)
        if isinstance(field, CharField) and isinstance(text, str) and (problem := _problem(field, text)):
            raise FieldInvalid(field=field.name, problem=problem)


def _problem(field: CharField[str, str], text: str) -> str:
    if not field.blank and not text.strip():
        return _("it is empty")
    if field.max_length is not None and len(text) > field.max_length:
        return _("use at most %(most)s characters") % {"most": field.max_length}
    return _("a NUL character cannot be kept") if "\x00" in text else ""
