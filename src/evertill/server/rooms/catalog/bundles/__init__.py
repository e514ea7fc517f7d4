"""Component bundles as a publisher makes and looks into them; needs no server and no framework."""

from evertill.server.rooms.catalog.bundles.build import BuiltBundle, build
from evertill.server.rooms.catalog.bundles.inspect import inspect

__all__ = ["BuiltBundle", "build", "inspect"]
