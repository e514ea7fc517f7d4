"""Django's name for this room."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "evertill.server.rooms.accounts"
    label = "accounts"
