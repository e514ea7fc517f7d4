"""A small fleet for tests: shops, terminals and releases as rows, without the ceremony of signing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from evertill.protocol import ddi
from evertill.server.rooms.accounts import service as accounts
from evertill.server.rooms.catalog.models import Artifact, Release, ReleaseComponent
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.fleet.events import TerminalsChanged
from evertill.server.rooms.fleet.models import Terminal
from evertill.server.rooms.fleet.rules import Client, ConfigMode
from evertill.server.rooms.fleet.service import NewTerminal
from evertill.server.rooms.kernel import ids as sequence
from evertill.server.rooms.kernel.events import raise_event
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.organisations.rules import Kind
from evertill.server.rooms.organisations.service import NodeNames

if TYPE_CHECKING:
    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node

# 03:30 and 14:30 in Shanghai: inside and outside the default window.
NIGHT = datetime(2026, 11, 20, 19, 30, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
TOKEN = "demo-token-0123456789"


@dataclass(frozen=True)
class Shop:
    """One installation's people and places, and short verbs for what happens there."""

    admin: Identity
    now: datetime

    def node(self, address: str, kind: Kind) -> Node:
        accounts.add_node(address, kind, NodeNames(address, address), self.admin, self.now)
        return tree.by_address(address)

    def store(self, name: str = "store") -> Node:
        """A merchant with one store."""
        self.node(f"DEFAULT/{name}-merchant", Kind.MERCHANT)
        return self.node(f"DEFAULT/{name}-merchant/{name}", Kind.STORE)

    def terminal(self, serial: str, at: str = "", client: Client = Client.EVERTILL, model: str = "") -> Terminal:
        return fleet.add_terminal(
            NewTerminal(serial, at=at, client=client, model=model, token=f"{TOKEN}-{serial}"), self.admin, self.now
        )[0]

    def many_terminals(self, count: int, at: Node, client: Client = Client.EVERTILL) -> list[int]:
        """So many terminals at once, as an import would leave them."""
        rows = [
            Terminal(serial=f"many-{number:06}", node=at, client=client, added_at=self.now) for number in range(count)
        ]
        Terminal.objects.bulk_create(rows, batch_size=1000)
        ids = [row.pk for row in rows]
        with transaction.atomic():
            raise_event(TerminalsChanged(self.now, tuple(ids)))
        return ids

    def says(self, terminal: Terminal, now: datetime | None = None, **attributes: str) -> None:
        """The terminal describes itself; `__` in a name stands for a dot."""
        sent = {key.replace("__", "."): value for key, value in attributes.items()}
        fleet.put_attributes(terminal.pk, sent, ConfigMode.MERGE, now or self.now)

    def release(
        self, version: str = "1.1.0", *, passthrough: bool = False, component: str = "till", **words: Any
    ) -> Release:
        """A published release of one component."""
        release = Release.objects.create(
            id=sequence.take_one(sequence.RELEASE),
            **{
                "name": "Demo till",
                "version": version,
                "severity": "feature",
                "notes": {"zh": "演示", "en": "Demo"},
                "minutes": 20,
                "state": "published",
                "created_at": self.now,
                "published_at": self.now,
            }
            | words,
        )
        name = f"{component}-{release.pk}-{version}" + (".swu" if passthrough else ".evb")
        digest = hashlib.sha256(name.encode()).hexdigest()
        artifact = Artifact.objects.create(
            filename=name,
            kind="passthrough" if passthrough else "bundle",
            type="os" if passthrough else "app",
            name=component,
            version=version,
            size_bytes=1000,
            md5=digest[:32],
            sha1=digest[:40],
            sha256=digest,
            sha512=digest * 2,
            manifest=None if passthrough else {},
            added_at=self.now,
            added_by="test",
        )
        ReleaseComponent.objects.create(
            release=release, artifact=artifact, module_id=sequence.take_one(sequence.DEVICE), position=0
        )
        return release


def report(
    execution: ddi.Execution, finished: ddi.Finished = "none", *details: str, code: int | None = None, **evertill: Any
) -> ddi.Feedback:
    """A device's report; keywords make it one of our agent's."""
    known: dict[str, Any] = {"journey": "j1", "state": "downloading", "step": 1, "of": 7, "generation": 1}
    ours = ddi.EvertillReport(**(known | evertill)) if evertill else None
    return ddi.Feedback(ddi.Status(execution, ddi.Result(finished), code, list(details) or None), evertill=ours)


def later(now: datetime, **span: float) -> datetime:
    return now + timedelta(**span)
