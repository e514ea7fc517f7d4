"""Django's name for this room."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "evertill.server.rooms.kernel"
    label = "kernel"
