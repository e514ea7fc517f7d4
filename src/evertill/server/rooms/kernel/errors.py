"""The two roots of what can go wrong.

    Exception
    ├── Refused          the world said no: a stable code, parameters, an HTTP status, a sentence and a next step, both translated
    │   ├── NotFound     404: there is no such thing, or the caller may not know of it
    │   ├── Invalid      400: the words are wrong; `field` says which
    │   ├── Forbidden    403: this person may not
    │   └── Conflict     409: not in this state
    └── (everything else) a bug: logged with its traceback, shown as a plain 500

Codes are for ever, sentences are free. A door turns a `Refused` into its own language with `as_json` or `str`; rooms never build HTTP answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class Refused(Exception):
    """The world said no. Subclasses set the class variables; parameters fill the sentence."""

    code: ClassVar[str]
    status: ClassVar[int] = 409
    says: ClassVar[_StrPromise | str]
    next_step: ClassVar[_StrPromise | str] = ""

    def __init__(self, **params: object) -> None:
        super().__init__(self.code)
        self.params = params

    def __str__(self) -> str:
        return str(self.says) % self.params

    @property
    def todo(self) -> str:
        """What the caller can do next, in the active language."""
        return str(self.next_step) % self.params

    def as_json(self) -> dict[str, object]:
        """The shape in which every API of ours reports a refusal."""
        params = {name: str(value) for name, value in self.params.items()}
        return {"code": self.code, "message": str(self), "next_step": self.todo, "params": params}


class NotFound(Refused):
    status = 404


class Invalid(Refused):
    status = 400


class Forbidden(Refused):
    status = 403


class Conflict(Refused):
    status = 409


class FieldInvalid(Invalid):
    """One field of what was sent cannot be used."""

    code = "FIELD_INVALID"
    says = _("%(field)s cannot be used: %(problem)s")
    next_step = _("Correct %(field)s and send it again.")
