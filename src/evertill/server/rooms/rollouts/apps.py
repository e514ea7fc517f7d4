"""Django's name for this room."""

from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    name = "evertill.server.rooms.rollouts"
    label = "rollouts"
