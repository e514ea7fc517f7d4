"""Device messages: what real clients send is read, what we send is what they can read."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.ddi import (
    MAX_ID,
    MAX_SLEEP_S,
    MIN_SLEEP_S,
    Artifact,
    CancelAction,
    Chunk,
    ConfigData,
    Deployment,
    DeploymentBase,
    EvertillReport,
    Feedback,
    Hashes,
    Link,
    Offer,
    OfferAct,
    PolicyChangeReport,
    PollAnswer,
    PollConfig,
    Polling,
    Result,
    Status,
    StopId,
    TillReport,
    format_sleep,
    parse_sleep,
)
from evertill.protocol.reasons import Reason


@given(st.integers(MIN_SLEEP_S, MAX_SLEEP_S))
def test_a_polling_time_reads_back_as_it_was_written(seconds: int) -> None:
    assert parse_sleep(format_sleep(seconds)) == seconds


@given(st.integers(-(10**9), 10**9))
def test_no_polling_time_is_written_that_a_known_client_cannot_read(seconds: int) -> None:
    hours, minutes, rest = format_sleep(seconds).split(":")
    assert int(hours) < 24
    assert int(minutes) < 60
    assert int(rest) < 60


@pytest.mark.parametrize("text", ["", "PT12H", "24:00:00", "00:00:00", "12:60:00", "-1:00:00", "12:00", "１２:00:00"])
def test_a_polling_time_of_no_sane_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="polling time"):
        parse_sleep(text)


def test_poll_answer_has_the_wire_form_of_hawkbit() -> None:
    answer = PollAnswer(
        PollConfig(Polling("12:00:00")), {"installedBase": Link("http://h/T/controller/v1/ID/installedBase/4")}
    )
    assert json.loads(msgspec.json.encode(answer)) == {
        "config": {"polling": {"sleep": "12:00:00"}},
        "_links": {"installedBase": {"href": "http://h/T/controller/v1/ID/installedBase/4"}},
    }


def test_deployment_has_the_wire_form_of_hawkbit_and_no_null() -> None:
    hashes = Hashes("574c", "a063", "4980")
    artifact = Artifact("binary.swu", hashes, 13, {"download-http": Link("http://h/x")})
    chunk = Chunk("os", "1.0.79", "one Firmware", [artifact])
    body = DeploymentBase("8", Deployment("forced", "forced", [chunk], "available"))
    assert json.loads(msgspec.json.encode(body)) == {
        "id": "8",
        "deployment": {
            "download": "forced",
            "update": "forced",
            "maintenanceWindow": "available",
            "chunks": [
                {
                    "part": "os",
                    "version": "1.0.79",
                    "name": "one Firmware",
                    "artifacts": [
                        {
                            "filename": "binary.swu",
                            "hashes": {"sha1": "574c", "md5": "a063", "sha256": "4980"},
                            "size": 13,
                            "_links": {"download-http": {"href": "http://h/x"}},
                        }
                    ],
                }
            ],
        },
    }


def test_cancel_has_the_wire_form_of_hawkbit() -> None:
    body = msgspec.json.encode(CancelAction("11", StopId("11")))
    assert json.loads(body) == {"id": "11", "cancelAction": {"stopId": "11"}}


SWUPDATE_FEEDBACK = b"""{"id":5,"time":"20261120T082454","status":{"result":{"progress":{"cnt":7,"of":5},"finished":"none"},
  "execution":"proceeding","details":["Installing \\u00fc"]}}"""
RAUC_FEEDBACK = (
    b"""{"id":"5","status":{"execution":"closed","result":{"finished":"success"},"details":[]},"unknown":{"a":[1]}}"""
)
HAWKBIT_FEEDBACK = b"""{"timestamp":1627997501890,"status":{"execution":"proceeding","result":{"finished":"none",
  "progress":{"cnt":2,"of":5}},"code":200,"details":["msg"]}}"""


@pytest.mark.parametrize("body", [SWUPDATE_FEEDBACK, RAUC_FEEDBACK, HAWKBIT_FEEDBACK])
def test_feedback_of_every_known_client_is_read(body: bytes) -> None:
    assert msgspec.json.decode(body, type=Feedback).evertill is None


def test_texts_of_a_device_are_kept_verbatim() -> None:
    assert msgspec.json.decode(SWUPDATE_FEEDBACK, type=Feedback).status.details == ["Installing ü"]


def test_the_old_wrapper_of_config_data_is_read_and_means_merge() -> None:
    body = b'{"id":"","time":"20261120T082454","status":{"result":{"finished":"success"}},"data":{"board":"x"}}'
    assert msgspec.json.decode(body, type=ConfigData) == ConfigData({"board": "x"}, "merge")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"status":{"execution":"done","result":{"finished":"none"}}}',
        b'{"status":{"execution":"closed","result":{"finished":"maybe"}}}',
        b'{"status":{"execution":"closed","result":{"finished":"none"},"details":"text"}}',
        b'{"status":{"execution":"closed"',
    ],
)
def test_feedback_without_a_meaning_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(body, type=Feedback)


def test_our_agents_feedback_says_what_a_person_must_know() -> None:
    report = EvertillReport(
        journey="action-5",
        state="waiting",
        step=3,
        of=7,
        generation=4,
        reasons=[Reason.of("TILL_BATCH_UNSETTLED", count=17)],
        till=TillReport(sale=False, batch_count=17, pending=0),
        displayed=[12],
    )
    body = msgspec.json.encode(Feedback(Status("proceeding", Result("none")), "5", evertill=report))
    said = json.loads(body)["evertill"]
    assert said["reasons"] == [{"code": "TILL_BATCH_UNSETTLED", "params": {"count": 17}}]
    assert said["till"] == {"sale": False, "batch_count": 17, "pending": 0}
    assert msgspec.json.decode(body, type=Feedback).evertill == report


@pytest.mark.parametrize(
    "change",
    [
        {"state": "x" * 33},
        {"step": -1},
        {"reasons": [{"code": "TILL_SALE"}] * 33},
        {"displayed": [0]},
        {"displayed": [MAX_ID + 1]},
        {"till": {"sale": True, "batch_count": -1, "pending": 0}},
    ],
)
def test_a_report_beyond_its_bounds_is_refused(change: dict[str, object]) -> None:
    report = {"journey": "j", "state": "waiting", "step": 3, "of": 7, "generation": 4, **change}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(report, EvertillReport)


@pytest.mark.parametrize("uuid", ["", "1", "x" * 36, "6F9619FF-8B86-D011-B42D-00CF4FC964FF"])
def test_an_act_without_a_proper_uuid_is_refused(uuid: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"uuid": uuid, "act": "consent"}, OfferAct)


def test_an_offer_may_have_no_action_yet() -> None:
    offer = msgspec.json.decode(
        b'{"release":12,"download":false,"install":false,"action":null,"reasons":[]}', type=Offer
    )
    assert offer.action is None


def test_a_policy_change_carries_who_which_way_and_on_what_it_was_based() -> None:
    body = {
        "uuid": "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
        "base_revision": 4,
        "field": "mode",
        "value": "never",
        "way": "terminal",
        "person": "owner",
        "risk_text": "never-1",
        "made_at": "2026-11-20T06:30:00Z",
    }
    change = msgspec.convert(body, PolicyChangeReport)
    assert change.ends_at is None
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**body, "way": "telepathy"}, PolicyChangeReport)
