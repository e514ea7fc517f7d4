"""Tables of people and their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from evertill.server.rooms.accounts.rules import CONSOLE_ROLES, Role

if TYPE_CHECKING:
    from datetime import datetime


class People(BaseUserManager["Person"]):
    """Finds people by login, as Django's sign-in asks for."""

    def get_by_natural_key(self, login: str | None) -> Person:
        return self.get(login=(login or "").lower())


class Person(AbstractBaseUser):
    """Somebody with a login. What a person may do stands in their grants, never here."""

    login = models.CharField(max_length=64, unique=True)
    email = models.EmailField(blank=True)
    language = models.CharField(max_length=10, blank=True)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField()

    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = People()

    def __str__(self) -> str:
        return self.login

    @property
    def is_staff(self) -> bool:
        """May enter the console's pages; what they show is decided by the grants' scope."""
        return (
            self.is_active
            and Grant.objects.filter(person=self, role__in=[role.value for role in CONSOLE_ROLES]).exists()
        )


class Grant(models.Model):
    """A role at a node and everything below it."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    node = models.ForeignKey("organisations.Node", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, choices=[(role.value, role.value) for role in Role])
    granted_by = models.CharField(max_length=150)
    granted_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["person", "node", "role"], name="accounts_grant_once"),)


class ApiToken(models.Model):
    """A key for systems, in a person's name and never wider than it. Only its hash is kept."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=20)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    def usable(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at and self.person.is_active
