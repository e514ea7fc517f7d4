"""Puts an agent together: the only file that knows every part of it."""

import threading
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from evertill.protocol.provision import Provision
from evertill.terminal.agent.acts import Acts
from evertill.terminal.agent.after_contact import AfterContact
from evertill.terminal.agent.answers.fetching import Fetching
from evertill.terminal.agent.answers.permitting import Permitting
from evertill.terminal.agent.answers.preflights import Preflights
from evertill.terminal.agent.answers.safeguarding import Safeguarding
from evertill.terminal.agent.answers.telling import Telling
from evertill.terminal.agent.attributes import Attributes
from evertill.terminal.agent.backup import Backups
from evertill.terminal.agent.board import Board
from evertill.terminal.agent.budget import CellularBudget
from evertill.terminal.agent.care.condition import Conditions
from evertill.terminal.agent.care.hanging import Hanging
from evertill.terminal.agent.care.housekeeping import Housekeeping
from evertill.terminal.agent.care.repairing import Repairing
from evertill.terminal.agent.care.soundness import Soundness
from evertill.terminal.agent.care.watching import Watch
from evertill.terminal.agent.clock import Clock, ClockFloor, system_clock
from evertill.terminal.agent.confirmations import Confirmations
from evertill.terminal.agent.connection import Connection
from evertill.terminal.agent.control import Control
from evertill.terminal.agent.daily_use import DailyUse
from evertill.terminal.agent.door import Door, Rooms
from evertill.terminal.agent.download import Cache, Downloader
from evertill.terminal.agent.history import History
from evertill.terminal.agent.home import load_keys, load_provision, root_bytes
from evertill.terminal.agent.journey.run import Journeys
from evertill.terminal.agent.journey.states import Neighbours
from evertill.terminal.agent.journey.tills import Tills
from evertill.terminal.agent.metadata import MetadataFetcher
from evertill.terminal.agent.metering import CellularMeter
from evertill.terminal.agent.orders import Orders
from evertill.terminal.agent.outbox import Outbox
from evertill.terminal.agent.people import People
from evertill.terminal.agent.permissions import Permissions
from evertill.terminal.agent.place import Place, Senses
from evertill.terminal.agent.policy import PolicyStore
from evertill.terminal.agent.poll import Bell, PollLoop
from evertill.terminal.agent.reports import Reports
from evertill.terminal.agent.restarting import Restarting
from evertill.terminal.agent.restoring import Restoring
from evertill.terminal.agent.settings import load_settings, sources_of
from evertill.terminal.agent.settling import Settling
from evertill.terminal.agent.status import Status
from evertill.terminal.agent.switched_off import CountingMeter, SwitchedOff
from evertill.terminal.agent.trust import Identity, TrustClient
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.supervisor_client import Supervisor
from evertill.terminal.till_client import Till


class Care(NamedTuple):
    """What keeps the till here whole and running."""

    watch: Watch
    hanging: Hanging
    repairing: Repairing
    housekeeping: Housekeeping
    conditions: Conditions


class Agent(NamedTuple):
    """What the loops run on."""

    place: Place
    board: Board
    polls: PollLoop
    journeys: Journeys
    orders: Orders
    restoring: Restoring
    care: Care
    door: Door
    journal_read: threading.Event


class _Memory(NamedTuple):
    """The records of a home, and the outbox they speak through."""

    outbox: Outbox
    reports: Reports
    acts: Acts
    policy: PolicyStore
    history: History


class _Way(NamedTuple):
    """The connection and what is believed of what comes over it."""

    connection: Connection
    trust: TrustClient
    permissions: Permissions


def compose(home: Path, clock: Clock = system_clock) -> Agent:
    """Raises ProtocolRefused when the home is not set up, or what it needs to begin cannot be read."""
    provision, keys = load_provision(home), load_keys(home)
    place = Place(home, provision.serial, ZoneInfo(provision.time_zone), GenerationFolders(home / "generations"), clock)
    board, journal_read = Board(), threading.Event()
    connection = Connection(provision)
    senses = _senses(place, provision, connection)
    bell = Bell()
    memory = _memory(place, bell)
    way = _way(place, provision, connection, senses, memory, board)
    cache = Cache(home / "cache")
    care = _care(place, board, bell, cache, way.trust, memory.history)
    till = Till(place.till_run)
    restarting = Restarting(
        place,
        till,
        memory.acts,
        senses.daily,
        senses.confirmations,
        journey=lambda: journeys.journey,
        tell=bell.ring_check,
    )
    control = Control(
        connection,
        memory.outbox,
        memory.reports,
        board,
        way.permissions,
        attributes=Attributes(
            provision,
            place,
            lambda: memory.policy.effective().revision,
            lambda: care.conditions.codes(clock()),
            restarting.last,
        ),
    )
    after = AfterContact(place, senses, board, way.trust, memory.acts, journal_read)
    off = SwitchedOff(place.state / "switched_off.json", clock)

    def after_contact() -> None:
        after()
        off.observe(memory.policy.effective())

    polls = PollLoop(control, board, clock, after_contact, bell)
    budget = CellularBudget(place.state / "cellular.json", clock, place.zone)
    meter = CellularMeter(budget, senses.sources, lambda: way.permissions.effective().policy)
    backups = Backups(home / "backups", keys)
    safeguarding = Safeguarding(place, backups)
    fetching = Fetching(board, polls, cache, Downloader(cache, connection, CountingMeter(meter, off)), way.permissions)
    preflights = Preflights(place, senses, cache, meter, way.permissions, way.trust.release)
    permitting = Permitting(board, way.permissions, way.trust, polls, till, Settling(till, place.zone))
    telling = Telling(memory.reports, board, memory.acts, memory.history, till, place, polls.check)
    neighbours = Neighbours(
        consent=permitting.consent,
        before_download=preflights.before_download,
        download=fetching.download,
        trusted=permitting.trusted,
        permitted=permitting.permitted,
        before_install=lambda journey, now: preflights.before_install(journey, now) or permitting.turn(journey, now),
        back_up=safeguarding.before_install,
        fresh=permitting.fresh,
        bundle=fetching.bundle,
        entered=telling.entered,
        ended=telling.ended,
    )
    journeys = Journeys(home, neighbours, clock)
    orders = Orders(
        place, board, way.trust, way.permissions, memory.acts, memory.history, memory.reports, care.repairing
    )
    restoring = Restoring(place, backups, safeguarding, neighbours, journeys.supervisor)
    status = Status(
        place,
        provision,
        board=board,
        permissions=way.permissions,
        trust=way.trust,
        acts=memory.acts,
        outbox=memory.outbox,
        history=memory.history,
        journeys=journeys,
        fetching=fetching,
        preflights=preflights,
        backups=backups,
        restoring=restoring,
        conditions=care.conditions,
    )
    rooms = Rooms(
        status=status,
        polls=polls,
        board=board,
        people=People(place.state / "people.json", clock),
        policy=memory.policy,
        permissions=way.permissions,
        acts=memory.acts,
        orders=orders,
        restoring=restoring,
        confirmations=senses.confirmations,
        till=till,
        clock=clock,
        trust=way.trust,
        off=off,
        hanging=care.hanging,
        restarting=restarting,
        installed=place.installed,
    )
    door = Door(home / "run" / "agent.sock", rooms)
    return Agent(place, board, polls, journeys, orders, restoring, care, door, journal_read)


def _senses(place: Place, provision: Provision, connection: Connection) -> Senses:
    settings = load_settings(place.state)
    return Senses(
        sources=sources_of(settings, place.state, provision),
        floor=ClockFloor(place.state / "clock.json"),
        server_now=lambda: connection.server_now,
        daily=DailyUse(place.state / "peripherals.json"),
        confirmations=Confirmations(),
    )


def _care(place: Place, board: Board, bell: Bell, cache: Cache, trust: TrustClient, history: History) -> Care:
    soundness = Soundness(place, board)
    supervisor = Supervisor(
        place.home / "run" / "supervisor.sock"
    )  # its own line: a journey's hold must not be given back here
    patience_s = load_settings(place.state).till_patience_s
    hanging = Hanging(Tills(supervisor, Till(place.till_run)), place.till_run, board, patience_s)
    repairing = Repairing(place, soundness, cache, trust, history)
    watch = Watch(supervisor, hanging, soundness)
    conditions = Conditions(repairing, hanging, watch, bell.ring_check)
    return Care(watch, hanging, repairing, Housekeeping(place, cache, trust), conditions)


def _memory(place: Place, bell: Bell) -> _Memory:
    outbox = Outbox(place.state / "outbox")
    reports = Reports(outbox, place.clock, bell.ring_deliver)
    return _Memory(
        outbox,
        reports,
        Acts(place.state / "acts.json", place.clock, reports),
        PolicyStore(place.state / "policy.json", place.clock, outbox, reports),
        History(place.state / "history.json"),
    )


def _way(
    place: Place, provision: Provision, connection: Connection, senses: Senses, memory: _Memory, board: Board
) -> _Way:
    identity = Identity(provision.model, provision.hardware_revision, provision.merchant_id)
    trust = TrustClient(
        place.home / "trust",
        root_bytes(provision),
        provision.trust_url,
        MetadataFetcher(connection),
        identity,
        place.clock,
        senses.floor,
    )
    permissions = Permissions(memory.policy, memory.acts, board, trust, place)
    return _Way(connection, trust, permissions)
