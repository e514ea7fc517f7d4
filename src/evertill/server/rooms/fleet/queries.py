"""Reading the fleet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import BigIntegerField, Func, OuterRef, Q, Subquery

from evertill.server.rooms.accounts import tokens
from evertill.server.rooms.fleet.errors import ModelUnknown, TerminalUnknown
from evertill.server.rooms.fleet.models import Attribute, Credential, Model, Seen, Terminal
from evertill.server.rooms.fleet.rules import Client, State, default_proof
from evertill.server.rooms.organisations import queries as organisations

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from evertill.server.rooms.organisations.models import Node

PAGE = 50


@dataclass(frozen=True)
class Filters:
    """What a list of terminals is narrowed to; empty means all."""

    search: str = ""
    client: str = ""
    state: str = ""
    model: str = ""


ALL: Final = Filters()


class _UnixSeconds(Func):
    """A stored moment as whole Unix seconds, so that both databases can add to it and compare it."""

    output_field = BigIntegerField()
    template = "CAST(EXTRACT(EPOCH FROM %(expressions)s) AS BIGINT)"

    def as_sqlite(self, compiler: Any, connection: Any, **words: Any) -> Any:
        return self.as_sql(compiler, connection, template="unixepoch(%(expressions)s)", **words)


def by_serial(serial: str) -> Terminal:
    """Raises `TerminalUnknown`."""
    terminal = Terminal.objects.select_related("node", "model").filter(serial=serial).first()
    if terminal is None:
        raise TerminalUnknown(serial=serial)
    return terminal


def by_ids(terminal_ids: Iterable[int]) -> list[Terminal]:
    return list(Terminal.objects.select_related("node", "model").filter(pk__in=terminal_ids).order_by("pk"))


def model_named(name: str) -> Model:
    """Raises `ModelUnknown`."""
    model = Model.objects.filter(name=name).first()
    if model is None:
        raise ModelUnknown(model=name)
    return model


def model_names() -> list[str]:
    """Every model, by name: there are a few dozen."""
    return list(Model.objects.order_by("name").values_list("name", flat=True))


def count_in(node: Node) -> int:
    """How many terminals a node and everything below it have."""
    return Terminal.objects.filter(node__path__startswith=node.path).count()


def in_subtree(node: Node) -> list[int]:
    """Ids of the terminals of a node and everything below it, by id."""
    return list(Terminal.objects.filter(node__path__startswith=node.path).order_by("pk").values_list("pk", flat=True))


def page(nodes: Iterable[Node], filters: Filters, after_serial: str = "", size: int = PAGE) -> list[Terminal]:
    """At most `size` terminals of these subtrees in the order of their serials, after `after_serial` (keyset)."""
    rows = Terminal.objects.select_related("node", "model").filter(narrowed(nodes, filters), serial__gt=after_serial)
    return list(rows.order_by("serial")[:size])


def narrowed(nodes: Iterable[Node], filters: Filters = ALL, to: str = "") -> Q:
    """The terminals of these subtrees that pass the filters; `to` leads to the terminal from a higher room's rows (`terminal__`)."""
    passes = _below(nodes, to)
    if filters.search:
        passes &= Q((f"{to}serial__icontains", filters.search)) | Q((f"{to}name__icontains", filters.search))
    exact = {"client": filters.client, "state": filters.state, "model__name": filters.model}
    return passes & Q(**{f"{to}{name}": value for name, value in exact.items() if value})


def _below(nodes: Iterable[Node], to: str) -> Q:
    nodes = list(nodes)
    if any(node.is_root() for node in nodes):
        return Q()  # everything there is: nothing to compare
    scope = Q(pk__in=[])
    for node in nodes:
        scope |= Q((f"{to}node__path__startswith", node.path))
    return scope


def count_up_to(most: int, nodes: Iterable[Node]) -> int:
    """How many terminals these subtrees have, counted no further than `most`: the cost is bounded, however large the fleet."""
    return Terminal.objects.filter(narrowed(nodes)).values("pk")[:most].count()


def attributes(terminal_id: int) -> dict[str, str]:
    return dict(Attribute.objects.filter(terminal_id=terminal_id).order_by("key").values_list("key", "value"))


def attributes_of(terminal_ids: Iterable[int]) -> dict[int, dict[str, str]]:
    """Attributes of many terminals in one query."""
    found: dict[int, dict[str, str]] = {}
    for terminal_id, key, value in Attribute.objects.filter(terminal_id__in=terminal_ids).values_list(
        "terminal_id", "key", "value"
    ):
        found.setdefault(terminal_id, {})[key] = value
    return found


def usable_digests(terminal_ids: Iterable[int], now: datetime) -> dict[int, list[str]]:
    """Hashes of the tokens each terminal may show now, with the end of those that have one (`tokens.word`); newest first."""
    usable = Credential.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=now), terminal_id__in=terminal_ids, revoked_at=None
    )
    found: dict[int, list[str]] = {}
    rows = usable.order_by("-made_at", "-pk").values_list("terminal_id", "digest", "ends_at")
    for terminal_id, digest, ends_at in rows:
        found.setdefault(terminal_id, []).append(tokens.word(digest, ends_at))
    return found


def last_seen_s(terminal: str) -> Subquery:
    """For a higher room's rows: when the terminal that this field names was last seen, in Unix seconds; NULL: never."""
    mine = Seen.objects.filter(terminal_id=OuterRef(terminal))
    return Subquery(mine.values(at_s=_UnixSeconds("at"))[:1])


def last_seen(terminal_ids: Iterable[int]) -> dict[int, datetime]:
    return dict(Seen.objects.filter(terminal_id__in=terminal_ids).values_list("terminal_id", "at"))


def proof_of(terminal: Terminal) -> str:
    """How success is proven on this terminal."""
    return (terminal.model.proof if terminal.model else "") or default_proof(Client(terminal.client))


def time_zone_of(terminal: Terminal) -> str:
    return organisations.time_zone_of(terminal.node)


def lock(terminal_ids: Iterable[int]) -> list[Terminal]:
    """These terminals' rows, held until the transaction ends: what is done to them is done one after the other. By id, so that two callers cannot wait for each other."""
    rows = Terminal.objects.select_for_update(of=("self",)).select_related("node", "model")
    return list(rows.filter(pk__in=list(terminal_ids)).order_by("pk"))


def nodes_of(terminal_ids: Iterable[int], kinds: Iterable[str]) -> set[int]:
    """Ids of the nodes of these kinds at which these terminals stand."""
    rows = Terminal.objects.filter(pk__in=list(terminal_ids), node__kind__in=list(kinds))
    return set(rows.values_list("node_id", flat=True))


def active_at(node_ids: Iterable[int]) -> list[tuple[int, int]]:
    """(terminal id, node id) of the active terminals right at these nodes, by serial."""
    rows = Terminal.objects.filter(node_id__in=list(node_ids), state=State.ACTIVE).order_by("serial")
    return list(rows.values_list("pk", "node_id"))


def active_below(node: Node) -> list[tuple[int, str]]:
    """(id, serial) of the active terminals of a subtree, by id."""
    rows = Terminal.objects.filter(node__path__startswith=node.path, state=State.ACTIVE)
    return list(rows.order_by("pk").values_list("pk", "serial"))


def named_below(node: Node, serials: Iterable[str]) -> list[Terminal]:
    """Those of these serials that stand in a subtree, by id, whatever their state."""
    rows = Terminal.objects.filter(node__path__startswith=node.path, serial__in=list(serials))
    return list(rows.order_by("pk"))


def ended_digests(now: datetime) -> dict[int, set[str]]:
    """By terminal: rotated tokens whose last moment has come, as `usable_digests` told them."""
    found: dict[int, set[str]] = {}
    rows = Credential.objects.filter(ends_at__lte=now, revoked_at=None).values_list("terminal_id", "digest", "ends_at")
    for terminal_id, digest, ends_at in rows:
        found.setdefault(terminal_id, set()).add(tokens.word(digest, ends_at))
    return found
