"""The tree's table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from treebeard.mp_tree import MP_Node

from evertill.server.rooms.organisations.rules import Kind

if TYPE_CHECKING:
    from django.db.models.manager import Manager


class Node(MP_Node):  # type: ignore[misc] # treebeard has no types
    """One organisation. `address` is its slug path from the root, `DEFAULT/agent/merchant/store`, kept whole so that it can be found and compared in SQL."""

    slug = models.CharField(max_length=40)
    address = models.CharField(max_length=600, unique=True)
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in Kind])
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, blank=True, help_text="empty: the zone of the node above")
    merchant_no = models.CharField(max_length=40, blank=True)

    # treebeard's columns, for type checkers
    path: str
    depth: int
    objects: Manager[Node]

    def __str__(self) -> str:
        return str(self.address)
