"""Who stands at the door: the terminal that a token names, or nobody.

A terminal's own token is compared, hashed and in constant time, with the hashes that standing holds; a rotated one ends by the clock, whether or not a job
has written standing anew. A gateway token speaks for ddi terminals behind that gateway, and brings an unknown serial in where the operator allows it; for one
of our own terminals it opens hawkBit's addresses only, never those where a merchant's word is given (design §4: people at the terminal). Whatever is wrong, a
stranger reads the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from django.db import IntegrityError

from evertill.server.rooms.accounts import tokens
from evertill.server.rooms.accounts.access import Identity
from evertill.server.rooms.fleet import queries, service
from evertill.server.rooms.fleet.errors import DeviceRefused, TerminalExists
from evertill.server.rooms.fleet.rules import Client, State, is_serial

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.doors.device.standing import Standings
    from evertill.server.doors.device.threads import DatabaseThreads
    from evertill.server.rooms.rollouts.queries import StandingRow

TOKEN_MOST: Final = 128
_NOBODYS: Final = tokens.digest(
    ""
)  # compared with when there is no such terminal, so that both cases take the same time


class Visitor(NamedTuple):
    """A terminal whose token was right; `own_token` is False when a gateway spoke for it."""

    standing: StandingRow
    own_token: bool

    @property
    def is_ours(self) -> bool:
        return self.standing.client == Client.EVERTILL


class Reception:
    def __init__(self, standings: Standings, threads: DatabaseThreads) -> None:
        self._standings = standings
        self._threads = threads

    async def identify(self, serial: str, authorization: str | None, now: datetime, *, may_register: bool) -> Visitor:
        """Raises `DeviceRefused`, `DatabaseAway`."""
        scheme, _, token = (authorization or "").partition(" ")
        if not token or len(token) > TOKEN_MOST or not is_serial(serial):
            raise DeviceRefused
        scheme = scheme.lower()
        if scheme == "targettoken":
            standing = await self._standings.of(serial)
            known = standing.digests if standing is not None else ""
            if not tokens.opens(known or _NOBODYS, token, now) or standing is None:
                raise DeviceRefused
            return Visitor(standing, own_token=True)
        if scheme == "gatewaytoken":
            return await self._behind_gateway(serial, token, now, may_register=may_register)
        raise DeviceRefused

    async def _behind_gateway(self, serial: str, token: str, now: datetime, *, may_register: bool) -> Visitor:
        gateway = await self._threads.run(service.gateway_token_shown, token)
        standing = await self._standings.of(serial)
        if standing is None and may_register:
            await self._threads.run(_register, serial, gateway, now)
            standing = await self._standings.of(serial)
        if standing is None or await self._threads.run(_is_retired, serial):
            raise DeviceRefused
        return Visitor(standing, own_token=False)


def _register(serial: str, gateway: str, now: datetime) -> None:
    """Two first polls at once register one terminal: the second finds it there."""
    try:
        service.register(serial, gateway, Identity.system(f"gateway:{gateway}"), now)
    except (TerminalExists, IntegrityError):
        if queries.by_serial(serial).client != Client.DDI:
            raise


def _is_retired(serial: str) -> bool:
    return queries.by_serial(serial).state == State.RETIRED
