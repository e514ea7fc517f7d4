"""An action's life on a ddi terminal and on ours: assigned, handed out, reported, replaced, cancelled."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from evertill.protocol.ddi import MAX_STATUSES_PER_ACTION, ConfirmationFeedback
from evertill.server.rooms.accounts.errors import NotAllowed
from evertill.server.rooms.accounts.rules import Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.rollouts import asking, jobs, queries, service
from evertill.server.rooms.rollouts.errors import (
    ActionClosed,
    ActionUnknown,
    CancelNotPossible,
    DownloadRefused,
    FileUnknown,
    MessagesTooMany,
    NotCancelable,
    ReleaseNotAssignable,
)
from evertill.server.rooms.rollouts.models import Action, Standing
from evertill.server.rooms.rollouts.service import AssignOptions
from evertill.server.rooms.rollouts.states import Kind
from tests.server.people import make_person
from tests.server.shop import NIGHT, Shop, later, report

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.fleet.models import Terminal

pytestmark = pytest.mark.django_db


@pytest.fixture
def board(shop: Shop) -> Terminal:
    return shop.terminal("board-1", client=Client.DDI)


@pytest.fixture
def image(shop: Shop) -> Release:
    return shop.release("1.0.79", passthrough=True, component="os-image")


def standing(terminal: Terminal) -> Standing:
    return Standing.objects.get(pk=terminal.pk)


def assigned(shop: Shop, terminal: Terminal, release: Release, **options: object) -> Action:
    return service.assign(terminal.serial, release.pk, shop.admin, shop.now, options=AssignOptions(**options))  # type: ignore[arg-type]


def test_a_new_terminal_stands_with_its_token_and_nothing_to_do(board: Terminal) -> None:
    row = standing(board)
    assert (row.serial, row.link, row.action_id, row.wants_config) == ("board-1", "none", None, True)
    assert len(row.digests.split()) == 1


def test_assigned_release_is_offered_fetched_and_finished(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    assert (standing(board).link, standing(board).action_id) == ("deploy", action.pk)

    deployment = service.retrieve(board.pk, action.pk, shop.now)
    [module] = deployment.modules
    assert (deployment.download, deployment.update, module.name, module.version) == (
        "attempt",
        "attempt",
        "os-image",
        "1.0.79",
    )
    assert queries.by_id(action.pk).state == "retrieved"

    service.feedback(board.pk, action.pk, report("proceeding", "none", "Installing"), shop.now)
    service.feedback(board.pk, action.pk, report("closed", "success", "Done", code=200), shop.now)
    closed = queries.by_id(action.pk)
    assert (closed.state, closed.closed_at, standing(board).link) == ("finished", shop.now, "none")
    assert standing(board).installed_id == action.pk
    history = [(line.type, line.messages) for line in queries.history(action.pk)]
    assert history == [("finished", ["Done"]), ("running", ["Installing"]), ("retrieved", []), ("running", [])]


def test_success_asks_the_terminal_to_describe_itself_again(shop: Shop, board: Terminal, image: Release) -> None:
    shop.says(board, kernel="6.1")
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    assert not standing(board).wants_config
    service.feedback(board.pk, action.pk, report("closed", "success"), shop.now)
    assert standing(board).wants_config


def test_retrieving_twice_is_one_retrieval(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    service.retrieve(board.pk, action.pk, later(shop.now, minutes=1))
    assert queries.by_id(action.pk).retrieved_at == shop.now
    assert [line.type for line in queries.history(action.pk)] == ["retrieved", "running"]


def test_another_terminals_action_does_not_exist_here(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    other = shop.terminal("board-2", client=Client.DDI)
    with pytest.raises(ActionUnknown):
        service.retrieve(other.pk, action.pk, shop.now)
    with pytest.raises(ActionUnknown):
        service.feedback(other.pk, action.pk, report("closed", "success"), shop.now)
    assert queries.by_id(action.pk).state == "running"


def test_reports_about_a_closed_action_are_gone(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    service.feedback(board.pk, action.pk, report("closed", "failure"), shop.now)
    assert queries.by_id(action.pk).state == "error"
    with pytest.raises(ActionClosed):
        service.feedback(board.pk, action.pk, report("closed", "success"), shop.now)
    with pytest.raises(ActionUnknown):
        service.retrieve(board.pk, action.pk, shop.now)


@pytest.mark.parametrize(
    ("execution", "finished", "state"),
    [
        ("proceeding", "none", "running"),
        ("scheduled", "none", "running"),
        ("resumed", "none", "running"),
        ("download", "none", "download"),
        ("downloaded", "none", "downloaded"),
        ("rejected", "none", "warning"),
        ("canceled", "none", "canceled"),
        ("closed", "failure", "error"),
        ("closed", "none", "finished"),
        ("closed", "success", "finished"),
    ],
)
def test_reports_mean_what_hawkbit_makes_of_them(
    shop: Shop, board: Terminal, image: Release, execution: str, finished: str, state: str
) -> None:
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    service.feedback(board.pk, action.pk, report(execution, finished), shop.now)  # type: ignore[arg-type]
    after = queries.by_id(action.pk)
    assert after.state == state
    assert (after.closed_at is not None) == (state in {"canceled", "error", "finished"})


def test_downloaded_finishes_a_download_only_action(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image, kind=Kind.DOWNLOADONLY)
    deployment = service.retrieve(board.pk, action.pk, shop.now)
    assert (deployment.download, deployment.update) == ("forced", "skip")
    service.feedback(board.pk, action.pk, report("downloaded"), shop.now)
    assert queries.by_id(action.pk).state == "finished"


def test_what_is_only_downloaded_awaits_no_proof_and_is_no_installation(shop: Shop) -> None:
    till = shop.terminal("till-1", at=str(shop.store().address))
    shop.says(till, component__till="1.0.0")
    release = shop.release()
    action = assigned(shop, till, release, kind=Kind.DOWNLOADONLY)
    service.retrieve(till.pk, action.pk, shop.now)
    service.feedback(till.pk, action.pk, report("downloaded", state="checking", step=2), shop.now)
    jobs.time_out(later(shop.now, days=30))
    done = queries.by_id(action.pk)
    assert (done.state, done.timed_out_at, asking.is_installing(done), asking.has_failed(done)) == (
        "finished",
        None,
        False,
        False,
    )
    assert standing(till).installed_id is None
    assert release.pk in asking.newer(till.pk), "it can still be installed"
    assert asking.last_limited_installs([till.pk]) == {}


def test_timeforced_becomes_forced_when_its_time_has_come(shop: Shop, board: Terminal, image: Release) -> None:
    at = later(shop.now, hours=1)
    action = assigned(shop, board, image, kind=Kind.TIMEFORCED, forced_at=at)
    assert service.retrieve(board.pk, action.pk, shop.now).update == "attempt"
    assert service.retrieve(board.pk, action.pk, at).update == "forced"


def test_timeforced_without_a_moment_is_refused(shop: Shop, board: Terminal, image: Release) -> None:
    with pytest.raises(FieldInvalid):
        assigned(shop, board, image, kind=Kind.TIMEFORCED)


def test_newer_assignment_cancels_the_older_one(shop: Shop, board: Terminal, image: Release) -> None:
    older = assigned(shop, board, image)
    newer = assigned(shop, board, shop.release("1.0.80", passthrough=True))
    assert queries.by_id(older.pk).state == "canceled"
    assert standing(board).action_id == newer.pk


def test_newer_assignment_waits_until_the_device_gave_the_older_one_back(
    shop: Shop, board: Terminal, image: Release
) -> None:
    older = assigned(shop, board, image)
    service.retrieve(board.pk, older.pk, shop.now)
    newer = assigned(shop, board, shop.release("1.0.80", passthrough=True))
    assert (queries.by_id(older.pk).state, queries.by_id(newer.pk).state) == ("canceling", "scheduled")
    assert (standing(board).link, standing(board).action_id) == ("cancel", older.pk)
    with pytest.raises(ActionUnknown):
        service.retrieve(board.pk, newer.pk, shop.now)

    service.cancel_feedback(board.pk, older.pk, report("closed", "success"), shop.now)
    assert (queries.by_id(older.pk).state, queries.by_id(newer.pk).state) == ("canceled", "running")
    assert (standing(board).link, standing(board).action_id) == ("deploy", newer.pk)


def test_cancel_before_the_device_fetched_it_needs_no_answer(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    assert service.cancel(action.pk, shop.admin, shop.now).state == "canceled"
    assert standing(board).link == "none"


def test_cancel_after_the_device_fetched_it_asks_the_device(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    assert service.cancel(action.pk, shop.admin, shop.now).state == "canceling"
    assert standing(board).link == "cancel"
    assert service.cancellation(board.pk, action.pk) == action.pk
    with pytest.raises(CancelNotPossible):
        service.cancel(action.pk, shop.admin, shop.now)
    service.cancel_feedback(board.pk, action.pk, report("proceeding"), shop.now)
    assert queries.by_id(action.pk).state == "canceling"
    assert service.cancel(action.pk, shop.admin, shop.now, force=True).state == "canceled"


def test_forcing_a_cancellation_lets_the_next_action_run(shop: Shop, board: Terminal, image: Release) -> None:
    older = assigned(shop, board, image)
    service.retrieve(board.pk, older.pk, shop.now)
    newer = assigned(shop, board, shop.release("1.0.80", passthrough=True))
    service.cancel(older.pk, shop.admin, shop.now, force=True)
    assert (queries.by_id(older.pk).state, queries.by_id(newer.pk).state) == ("canceled", "running")
    assert standing(board).action_id == newer.pk


def test_a_rejected_cancellation_keeps_the_next_action_waiting(shop: Shop, board: Terminal, image: Release) -> None:
    older = assigned(shop, board, image)
    service.retrieve(board.pk, older.pk, shop.now)
    newer = assigned(shop, board, shop.release("1.0.80", passthrough=True))
    service.cancel_feedback(board.pk, older.pk, report("rejected"), shop.now)
    assert (standing(board).link, standing(board).action_id) == ("deploy", older.pk)
    service.feedback(board.pk, older.pk, report("closed", "success"), shop.now)
    assert (queries.by_id(newer.pk).state, standing(board).action_id) == ("running", newer.pk)


def test_device_that_rejects_the_cancellation_goes_on(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    service.cancel(action.pk, shop.admin, shop.now)
    service.cancel_feedback(board.pk, action.pk, report("rejected", "none", "too late"), shop.now)
    assert queries.by_id(action.pk).state == "running"
    assert queries.history(action.pk)[0].type == "cancel_rejected"
    assert standing(board).link == "deploy"


def test_device_that_finished_although_it_was_told_to_stop_has_finished(
    shop: Shop, board: Terminal, image: Release
) -> None:
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    service.cancel(action.pk, shop.admin, shop.now)
    service.feedback(board.pk, action.pk, report("proceeding"), shop.now)
    assert queries.by_id(action.pk).state == "canceling"
    service.feedback(board.pk, action.pk, report("closed", "success"), shop.now)
    assert queries.by_id(action.pk).state == "finished"


def test_nothing_to_cancel_is_refused_as_hawkbit_does(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    with pytest.raises(ActionUnknown):
        service.cancellation(board.pk, action.pk)
    with pytest.raises(NotCancelable):
        service.cancel_feedback(board.pk, action.pk, report("closed", "success"), shop.now)


def test_beyond_a_thousand_statuses_reports_are_counted_and_the_end_is_kept(
    shop: Shop, board: Terminal, image: Release
) -> None:
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    Action.objects.filter(pk=action.pk).update(statuses=MAX_STATUSES_PER_ACTION)
    service.feedback(board.pk, action.pk, report("proceeding", "none", "one more"), shop.now)
    service.feedback(board.pk, action.pk, report("proceeding", "none", "and one more"), shop.now)
    after = queries.by_id(action.pk)
    assert (after.statuses, after.unstored) == (MAX_STATUSES_PER_ACTION, 2)
    assert [line.type for line in queries.history(action.pk)] == ["retrieved", "running"]
    service.feedback(board.pk, action.pk, report("closed", "success", "the end"), shop.now)
    assert queries.history(action.pk)[0].messages == ["the end"]


def test_more_than_fifty_messages_are_refused_except_at_the_end(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    lines = [f"line {number}" for number in range(60)]
    with pytest.raises(MessagesTooMany):
        service.feedback(board.pk, action.pk, report("proceeding", "none", *lines), shop.now)
    service.feedback(board.pk, action.pk, report("closed", "success", *lines), shop.now)
    assert queries.history(action.pk)[0].messages == lines[10:]


def test_a_nul_character_in_a_report_does_not_lose_the_report(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    service.feedback(board.pk, action.pk, report("closed", "failure", "bad\x00byte"), shop.now)
    assert queries.history(action.pk)[0].messages == ["bad␀byte"]


def test_action_history_tells_codes_as_hawkbit_does(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    service.feedback(board.pk, action.pk, report("proceeding", "none", "Installing", code=42), shop.now)
    found = service.retrieve(board.pk, action.pk, shop.now, history=-1).history
    assert found is not None
    assert (found.status, found.messages) == ("RUNNING", ["Installing", "Device reported status code: 42"])
    assert service.retrieve(board.pk, action.pk, shop.now).history is None


def test_files_come_only_with_an_open_action(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    [module] = service.retrieve(board.pk, action.pk, shop.now).modules
    [wanted] = module.artifacts
    assert service.may_download(board.pk, module.id, wanted.filename, shop.now) == wanted
    other = shop.terminal("board-2", client=Client.DDI)
    with pytest.raises(FileUnknown):
        service.may_download(other.pk, module.id, wanted.filename, shop.now)
    with pytest.raises(FileUnknown):
        service.may_download(board.pk, module.id, "other.swu", shop.now)
    service.cancel(action.pk, shop.admin, shop.now)
    with pytest.raises(DownloadRefused):
        service.may_download(board.pk, module.id, wanted.filename, shop.now)
    service.cancel_feedback(board.pk, action.pk, report("closed", "success"), shop.now)
    with pytest.raises(FileUnknown):
        service.may_download(board.pk, module.id, wanted.filename, shop.now)


def test_a_full_download_is_one_line_of_history(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    [module] = service.retrieve(board.pk, action.pk, shop.now).modules
    service.download_started(board.pk, module.id, module.artifacts[0].filename, shop.now)
    assert queries.history(action.pk)[0].type == "download"


def test_confirmation_required_offers_confirmation_until_somebody_says_yes(
    shop: Shop, board: Terminal, image: Release
) -> None:
    action = assigned(shop, board, image, confirmation_required=True)
    assert (action.state, standing(board).link) == ("wait_for_confirmation", "confirm")
    assert service.confirmation(board.pk, action.pk, shop.now).modules
    with pytest.raises(ActionUnknown):
        service.retrieve(board.pk, action.pk, shop.now)
    with pytest.raises(ActionUnknown):
        service.feedback(board.pk, action.pk, report("proceeding"), shop.now)

    service.confirmation_feedback(board.pk, action.pk, ConfirmationFeedback("denied"), shop.now)
    assert (queries.by_id(action.pk).state, standing(board).link) == ("wait_for_confirmation", "confirm")
    service.confirmation_feedback(board.pk, action.pk, ConfirmationFeedback("confirmed"), shop.now)
    assert (queries.by_id(action.pk).state, standing(board).link) == ("running", "deploy")
    service.confirmation_feedback(board.pk, action.pk, ConfirmationFeedback("denied"), shop.now)
    assert (queries.by_id(action.pk).state, standing(board).link) == ("wait_for_confirmation", "confirm")
    service.confirmation_feedback(board.pk, action.pk, ConfirmationFeedback("confirmed"), shop.now)
    with pytest.raises(ActionUnknown):
        service.confirmation(board.pk, action.pk, shop.now)
    service.retrieve(board.pk, action.pk, shop.now)
    with pytest.raises(ActionUnknown):
        service.confirmation_feedback(board.pk, action.pk, ConfirmationFeedback("denied"), shop.now)


def test_maintenance_window_withholds_the_link_until_it_opens(shop: Shop, board: Terminal, image: Release) -> None:
    window = {"schedule": "0 0 3 ? * *", "duration": "02:00:00", "timezone": "+08:00"}
    action = assigned(shop, board, image, maintenance_window=window)
    row = standing(board)
    assert (row.link, row.opens_at_s) == ("none", int((NIGHT - timedelta(minutes=30)).timestamp()))
    with pytest.raises(ActionUnknown):
        service.retrieve(board.pk, action.pk, shop.now)
    service.refresh([board.pk], NIGHT)
    assert standing(board).link == "deploy"
    deployment = service.retrieve(board.pk, action.pk, NIGHT)
    assert deployment.maintenance_window == "available"


def test_a_maintenance_window_nobody_can_read_is_refused(shop: Shop, board: Terminal, image: Release) -> None:
    with pytest.raises(FieldInvalid):
        assigned(
            shop,
            board,
            image,
            maintenance_window={"schedule": "at night", "duration": "02:00:00", "timezone": "+08:00"},
        )


def test_our_terminals_fetch_by_day_and_install_by_night(shop: Shop) -> None:
    till = shop.terminal("till-1", at=str(shop.store().address))
    action = assigned(shop, till, shop.release())
    row = standing(till)
    assert (row.link, row.action_id) == ("deploy", action.pk)
    assert row.opens_at_s is not None
    assert row.opens_at_s > shop.now.timestamp()


def test_a_release_that_is_not_published_cannot_be_assigned(shop: Shop, board: Terminal) -> None:
    with pytest.raises(ReleaseNotAssignable):
        assigned(shop, board, shop.release(state="withdrawn"))


def test_our_own_agent_never_gets_a_foreign_clients_file(shop: Shop, image: Release) -> None:
    till = shop.terminal("till-1")
    action = assigned(shop, till, image)
    assert standing(till).link == "none"
    with pytest.raises(ActionUnknown):
        service.retrieve(till.pk, action.pk, shop.now)


def test_only_the_fleets_people_assign(shop: Shop, board: Terminal, image: Release) -> None:
    auditor = make_person("demo-auditor", Role.AUDITOR, board.node, shop.now)
    with pytest.raises(NotAllowed):
        service.assign(board.serial, image.pk, auditor, shop.now)
    assert audit.page(kind="terminal", ref=board.serial)[0].refused == "NOT_ALLOWED"


def test_every_end_of_an_action_is_in_the_audit(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    service.retrieve(board.pk, action.pk, shop.now)
    service.feedback(board.pk, action.pk, report("closed", "failure"), shop.now)
    acts = [(row.act, row.actor) for row in audit.page(kind="action", ref=str(action.pk))]
    assert acts == [("action.error", "board-1"), ("action.retrieved", "board-1")]


def test_revoked_tokens_leave_the_standing_at_once(shop: Shop, board: Terminal) -> None:
    fleet.revoke_tokens(board.serial, shop.admin, shop.now)
    assert standing(board).digests == ""


def test_a_retired_terminal_is_offered_nothing(shop: Shop, board: Terminal, image: Release) -> None:
    action = assigned(shop, board, image)
    fleet.retire(board.serial, shop.admin, shop.now)
    assert (standing(board).link, standing(board).digests) == ("none", "")
    with pytest.raises(ActionUnknown):
        service.retrieve(board.pk, action.pk, shop.now)


def test_ids_of_actions_grow_and_fit_a_c_int(shop: Shop, board: Terminal, image: Release, now: datetime) -> None:
    first = assigned(shop, board, image)
    second = assigned(shop, board, shop.release("1.0.80", passthrough=True))
    assert first.pk < second.pk < 2**31
