"""One conversation with the server: deliver what waits, ask, and note what it says; the order is the safety of it.

Reports go first, so that the server answers about the present. A cancelled action is noticed before anything else is read.
What one link answers cannot spoil the others: the rest of the conversation goes on unless there is no contact at all. The
files of an action are asked for only where this terminal itself would download them: *never* costs zero bytes.
Not here: when to talk (`poll.py`), what to do about it (the journey), whether to (`policy`).
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

import msgspec

from evertill.protocol import ddi
from evertill.protocol.ddi import CancelAction, ConfigData, DeploymentBase, Link, Offer, PollAnswer
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import Snapshot
from evertill.terminal.agent.board import Board, FileLink, OpenAction
from evertill.terminal.agent.connection import Connection, ConnectionRefused
from evertill.terminal.agent.outbox import Outbox
from evertill.terminal.agent.reports import Reports

T = TypeVar("T")

# After these the server is not there for us at all; asking on would only cost time and traffic.
_NOBODY_THERE: Final = frozenset({"NO_CONTACT", "TLS_REFUSED", "ACCESS_DENIED", "SERVER_BUSY"})


class PolicyDesk(Protocol):
    """Where the server's policy goes, and where this terminal's own check is asked."""

    def apply(self, snapshot: Snapshot) -> bool:
        """Take it over; True = this revision is new here and must be acknowledged. ProtocolRefused when it is unreadable."""

    def may_ask_for(self, release: int) -> bool:
        """Whether this terminal would download that release at all."""


class Control:
    def __init__(
        self,
        connection: Connection,
        outbox: Outbox,
        reports: Reports,
        board: Board,
        policy: PolicyDesk,
        *,
        attributes: Callable[[], dict[str, str]],
    ) -> None:
        self._connection = connection
        self._outbox = outbox
        self._reports = reports
        self._board = board
        self._policy = policy
        self._attributes = attributes
        self._known: dict[str, tuple[str, object]] = {}
        self._told: dict[str, str] | None = None

    def deliver(self) -> None:
        """Hand over what waits in the outbox, without asking for anything."""
        self._outbox.deliver(self._connection)

    def converse(self) -> int:
        """One whole conversation; returns for how many seconds the server lets us sleep.

        Raises:
            ConnectionRefused: the first trouble there was; what could be learned all the same is on the board.
        """
        self.deliver()
        answer = self._get(self._connection.base_url, PollAnswer)
        try:
            sleep_s = ddi.parse_sleep(answer.config.polling.sleep)
        except ValueError as error:
            raise ConnectionRefused("ANSWER_WRONG_TYPES", detail=error) from error
        steps = (self._cancellation, self._config, self._read_policy, self._read_offers, self._deployment, self._say)
        troubles = [trouble for step in steps if (trouble := _attempt(step, answer.links))]
        if troubles:
            raise troubles[0]
        return sleep_s

    def _cancellation(self, links: Mapping[str, Link]) -> None:
        if not (link := links.get(ddi.CANCEL_ACTION)):
            return
        stop = self._number((self._get(link.href, CancelAction)).cancel_action.stop_id)
        if self._board.journey_action == stop:
            self._board.set_cancelled(stop, cancelled=True)  # the journey knows whether it still can be, and answers
        else:
            self._reports.cancelled(stop, accepted=True)

    def _config(self, links: Mapping[str, Link]) -> None:
        attributes = self._attributes()
        if ddi.CONFIG_DATA not in links and attributes == self._told:
            return
        link = links.get(ddi.CONFIG_DATA, Link(ddi.CONFIG_DATA))
        self._connection.send("PUT", link.href, msgspec.json.encode(ConfigData(attributes, "replace")))
        self._told = attributes

    def _read_policy(self, links: Mapping[str, Link]) -> None:
        if not (link := links.get(ddi.POLICY)):
            return
        snapshot = self._get(link.href, Snapshot)
        try:
            is_new = self._policy.apply(snapshot)
        except ProtocolRefused as refused:
            raise ConnectionRefused("ANSWER_WRONG_TYPES", detail=refused) from refused
        if is_new:
            self._reports.policy_applied(snapshot.revision)

    def _read_offers(self, links: Mapping[str, Link]) -> None:
        if link := links.get(ddi.OFFERS):
            self._board.set_offers(self._get(link.href, list[Offer]))

    def _deployment(self, links: Mapping[str, Link]) -> None:
        link = links.get(ddi.DEPLOYMENT_BASE)
        number = self._number(link.href.partition("?")[0].rpartition("/")[2]) if link else None
        self._board.set_linked(number)
        offer = next((offer for offer in self._board.offers if offer.action == number), None)
        if link is None or number is None or offer is None:
            self._board.set_action(None)
        elif self._policy.may_ask_for(offer.release):
            base = self._get(link.href, DeploymentBase)
            self._board.set_action(OpenAction(number, offer.release, _files(base)))
        else:
            self._board.set_action(OpenAction(number, offer.release, {}))

    def _say(self, _links: Mapping[str, Link]) -> None:
        """What this very conversation made necessary to say (a policy taken over, a cancelled action)."""
        if len(self._outbox):
            self.deliver()

    def _get(self, url: str, expected: type[T]) -> T:
        """The document as it is now; unchanged ones cost a 304."""
        etag, value = self._known.get(url, (None, None))
        answer = self._connection.get(url, expected, etag=etag)
        if answer.value is None:
            return value  # type: ignore[return-value]  # kept under this url with this very type
        if answer.etag:
            self._known[url] = (answer.etag, answer.value)
        else:
            self._known.pop(url, None)
        return answer.value

    def _number(self, text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not 0 < int(text[:12]) <= ddi.MAX_ID:
            raise ConnectionRefused("ANSWER_WRONG_TYPES", detail=f"no action number: {text[:32]!r}")
        return int(text)


def _attempt(step: Callable[[Mapping[str, Link]], None], links: Mapping[str, Link]) -> ConnectionRefused | None:
    try:
        step(links)
    except ConnectionRefused as refused:
        if refused.code in _NOBODY_THERE:
            raise
        return refused
    return None


def _files(base: DeploymentBase) -> dict[str, FileLink]:
    links = {}
    for artifact in (artifact for chunk in base.deployment.chunks for artifact in chunk.artifacts):
        link = artifact.links.get("download") or artifact.links.get("download-http")
        if link:
            links[artifact.hashes.sha256.lower()] = FileLink(artifact.filename, link.href)
    return links
