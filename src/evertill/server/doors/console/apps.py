"""Django's name for this door."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "evertill.server.doors.console"
    label = "console"
