"""The tree: one node with what stands above and below it, and the ways to its terminals and its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect

from evertill.server.doors.console import sight, words
from evertill.server.doors.console.door import Visit, page
from evertill.server.rooms.accounts import access
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.organisations import queries as organisations
from evertill.server.rooms.organisations.rules import Kind

if TYPE_CHECKING:
    from django.http import HttpResponse

PAGE = 100


@page
def top(visit: Visit) -> HttpResponse:
    """Where one's own part of the tree begins; several parts are offered by name."""
    nodes = access.visible_nodes(visit.by)
    if len(nodes) == 1:
        return redirect("console:node", nodes[0].address)
    return visit.show("tree_top", "tree", nodes=nodes, to="console:node")


@page
def show(visit: Visit, address: str) -> HttpResponse:
    node = sight.node(visit, address)
    after = visit.request.GET.get("after", "")
    found = list(organisations.children(node).filter(slug__gt=after)[: PAGE + 1])
    shown = found[:PAGE]
    return visit.show(
        "node",
        "tree",
        node=node,
        chain=organisations.chain(node)[:-1],
        kind=words.KINDS[node.kind],
        is_store=node.kind == Kind.STORE,
        zone=organisations.time_zone_of(node),
        children=[(child, words.KINDS[child.kind]) for child in shown],
        after=after,
        following=shown[-1].slug if len(found) > PAGE else "",
        terminals=fleet.count_in(node),
        may_roll_out=visit.may(Operation.ROLLOUTS_EDIT, node),
    )
