"""Django's name for this room."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "evertill.server.rooms.catalog"
    label = "catalog"
