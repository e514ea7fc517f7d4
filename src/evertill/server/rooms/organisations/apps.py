"""Django's name for this room."""

from django.apps import AppConfig


class OrganisationsConfig(AppConfig):
    name = "evertill.server.rooms.organisations"
    label = "organisations"
