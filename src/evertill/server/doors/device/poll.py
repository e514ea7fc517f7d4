"""Row 1, the poll: what standing says, as links. Nothing is decided here, and only this row is read.

At most one of confirmationBase, deploymentBase and cancelAction is offered. For a ddi client the deploymentBase link also waits for a place among the
parallel downloads, unless it has retrieved the action already (design §7, DDI facts §2).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final
from zlib import crc32

import msgspec

from evertill.protocol import ddi
from evertill.protocol.windows import poll_sleep_s
from evertill.server.doors.device.answer import PRIVATE, Answer
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.rollouts.states import Link

if TYPE_CHECKING:
    from evertill.server.doors.device.origin import Links
    from evertill.server.rooms.rollouts.queries import StandingRow

_ENCODER: Final = msgspec.json.Encoder()
_HAL: Final = (b"content-type", b"application/hal+json")
_LINKS: Final = {link.value: link for link in Link}
_OURS: Final = Client.EVERTILL.value
_NEAR: Final = 1.2  # an opening within the longest jittered sleep changes what a client must do next

Hrefs = dict[str, dict[str, str]]


def shown_link(standing: StandingRow, now: datetime) -> Link:
    """The link that standing offers at this moment."""
    if standing.closes_at_s is not None and standing.closes_at_s <= now.timestamp():
        return Link.NONE
    return _LINKS[standing.link]


def answer(standing: StandingRow, offered: Link, links: Links, now: datetime) -> Answer:
    """The poll answer; its ETag covers the links and the interval, not the jitter, so that an unchanged poll can be a 304."""
    hrefs = _ENCODER.encode(_hrefs(standing, offered, links))
    opens_at = None if standing.opens_at_s is None else datetime.fromtimestamp(standing.opens_at_s, UTC)
    sleep_s = poll_sleep_s(standing.poll_s, standing.serial, now, opens_at)
    near = opens_at is not None and 0 <= (opens_at - now).total_seconds() <= standing.poll_s * _NEAR
    tag = hashlib.sha256(b"%d %b" % (sleep_s if near else standing.poll_s, hrefs)).hexdigest()
    body = b'{"config":{"polling":{"sleep":"%b"}},"_links":%b}' % (_sleep(sleep_s), hrefs)
    return Answer(200, body, [_HAL, PRIVATE, (b"etag", b'"%.32b"' % tag.encode())])


@cache
def _sleep(seconds: int) -> bytes:
    """At most as many as a day has seconds."""
    return ddi.format_sleep(seconds).encode()


def _hrefs(standing: StandingRow, offered: Link, links: Links) -> Hrefs:
    """Relations and numbers of ours alone, so nothing here needs percent-encoding."""
    root, action_id = links.root, standing.action_id
    found: Hrefs = {}
    if action_id is not None:
        if offered is Link.DEPLOY:
            found[ddi.DEPLOYMENT_BASE] = {"href": f"{root}/{ddi.DEPLOYMENT_BASE}/{action_id}?c={_changes(standing)}"}
        elif offered is Link.CONFIRM:
            found[ddi.CONFIRMATION_BASE] = {
                "href": f"{root}/{ddi.CONFIRMATION_BASE}/{action_id}?c={_changes(standing)}"
            }
        elif offered is Link.CANCEL:
            # Without a query: SWUpdate appends "/feedback" to it (DDI facts §2).
            found[ddi.CANCEL_ACTION] = {"href": f"{root}/{ddi.CANCEL_ACTION}/{action_id}"}
    if standing.installed_id is not None:
        found[ddi.INSTALLED_BASE] = {"href": f"{root}/{ddi.INSTALLED_BASE}/{standing.installed_id}"}
    if standing.wants_config:
        found[ddi.CONFIG_DATA] = {"href": f"{root}/{ddi.CONFIG_DATA}"}
    if standing.client == _OURS:
        found[ddi.POLICY] = {"href": f"{root}/{ddi.POLICY}"}
        found[ddi.OFFERS] = {"href": f"{root}/{ddi.OFFERS}"}
    return found


def _changes(standing: StandingRow) -> int:
    """A number that changes when soft becomes forced, so that the client fetches the deployment anew."""
    return crc32(f"{standing.action_id} {standing.link} {bool(standing.forced)}".encode())
