"""Django's name for this room."""

from django.apps import AppConfig


class FleetConfig(AppConfig):
    name = "evertill.server.rooms.fleet"
    label = "fleet"
