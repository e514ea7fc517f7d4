"""Django's name for this room."""

from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    name = "evertill.server.rooms.policies"
    label = "policies"
