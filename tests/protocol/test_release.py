"""The signed documents: their one spelling, and every rule a release must keep."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import Requirement
from evertill.protocol.release import (
    Contact,
    Floor,
    Guardrails,
    Operator,
    Release,
    ReleaseComponent,
    Revocation,
    check_release,
    decode_floor,
    decode_guardrails,
    decode_operator,
    decode_release,
    decode_words,
    encode,
    is_component_path,
    merchant_of,
    missing_languages,
)

GOLDEN = Path(__file__).parent / "golden" / "release.json"
PUBLISHED = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)

RELEASE = Release(
    id=7,
    name="till",
    version="1.1.0",
    components=[
        ReleaseComponent(
            path="components/till-1.1.0.evb",
            sha256="a" * 64,
            sha512="b" * 128,
            length=812_345,
            type="app",
            component="till",
            version="1.1.0",
        )
    ],
    notes={"zh": "结算时不再漏掉退款。\n收款页可以打折。", "en": "Settlement no longer misses refunds.\nDiscounts."},
    severity="security",
    required_at=PUBLISHED + timedelta(days=30),
    requirements=[Requirement("agent", ">=1.0")],
    stepping_stone=Requirement("till", ">=1.0,<2"),
    recovery={"zh": "不要关机,等 2 分钟。", "en": "Leave it on and wait two minutes."},
    minutes=3,
    fixes_on="1.0.0",
    incompatible_peripherals=["04b8:0202"],
    cves=["CVE-2026-12345"],
    published_at=PUBLISHED,
)


def with_(**fields: Any) -> Release:
    return msgspec.structs.replace(RELEASE, **fields)


def with_component(**fields: Any) -> Release:
    return with_(components=[msgspec.structs.replace(RELEASE.components[0], **fields)])


def test_release_is_spelled_as_in_the_golden_file() -> None:
    assert encode(RELEASE) == GOLDEN.read_bytes()


def test_golden_file_reads_back_as_the_same_release() -> None:
    assert decode_release(GOLDEN.read_bytes()) == RELEASE


def test_the_same_release_built_in_another_order_has_the_same_bytes() -> None:
    turned = with_(notes=dict(reversed(RELEASE.notes.items())))

    assert encode(turned) == encode(RELEASE)


def test_release_of_a_newer_format_is_refused_not_guessed() -> None:
    body = GOLDEN.read_bytes().replace(b'"format": 1', b'"format": 2')

    with pytest.raises(ProtocolRefused) as refused:
        decode_release(body)

    assert refused.value.code == "DOCUMENT_FORMAT_UNKNOWN"


def test_field_an_older_terminal_does_not_know_is_ignored() -> None:
    body = GOLDEN.read_bytes().replace(b'"format": 1', b'"format": 1, "colour": "azurite"')

    assert decode_release(body) == RELEASE


@pytest.mark.parametrize(
    ("release", "field"),
    [
        (with_(id=0), "id"),
        (with_(id=2**31), "id"),
        (with_(name=""), "name"),
        (with_(name="till\n"), "name"),
        (with_(notes={}), "notes"),
        (with_(notes={"zh": "  ", "en": "x"}), "notes"),
        (with_(notes={"Chinese": "x"}), "notes"),
        (with_(recovery={"zh": "等"}), "recovery"),
        (with_(severity="urgent"), "severity"),
        (with_(minutes=0), "minutes"),
        (with_(components=[]), "components"),
        (with_(components=[*RELEASE.components, *RELEASE.components]), "components.component"),
        (with_(severity="feature", fixes_on=None), "required_at"),
        (with_(severity="maintenance", fixes_on=None), "required_at"),
        (with_(required_at=PUBLISHED), "required_at"),
        (with_(required_at=PUBLISHED.replace(tzinfo=None) + timedelta(days=9)), "required_at"),
        (with_(required_at=(PUBLISHED + timedelta(days=9)).astimezone(timezone(timedelta(hours=8)))), "required_at"),
        (with_(emergency=True), "emergency"),
        (with_(severity="critical", emergency=True, required_at=None), "emergency"),
        (with_(severity="feature", required_at=None), "fixes_on"),
        (with_(cves=["CVE-1"]), "cves[0]"),
        (with_(incompatible_peripherals=["printer"]), "incompatible_peripherals[0]"),
        (with_component(sha256="A" * 64), "components[0].sha256"),
        (with_component(length=0), "components[0].length"),
        (with_component(component="../till"), "components[0].component"),
    ],
)
def test_release_that_breaks_a_rule_names_the_field(release: Release, field: str) -> None:
    with pytest.raises(ProtocolRefused) as refused:
        check_release(release)

    assert (refused.value.code, str(refused.value.params["field"]).removesuffix("[...]")) == ("RELEASE_INVALID", field)


@pytest.mark.parametrize(
    "path",
    [
        "../etc/passwd",
        "components/../floor.json",
        "components/till/1.evb",
        "/components/till.evb",
        "components/.hidden",
        "components/till\x00.evb",
        "components/till.evb\n",
        "components/",
        "floor.json",
        "releases/8.json",
        "merchants/0/x.evb",
        "merchants/07/x.evb",
        "merchants/7/a/b.evb",
        "merchants/seven/x.evb",
        "Components/till.evb",
    ],
)
def test_path_traversal_in_a_component_path_is_refused(path: str) -> None:
    with pytest.raises(ProtocolRefused) as refused:
        check_release(with_component(path=path))

    assert refused.value.params["field"] == "components.path"


def test_one_release_never_carries_files_of_two_merchants() -> None:
    first = msgspec.structs.replace(RELEASE.components[0], path="merchants/7/x.evb", component="x")
    second = msgspec.structs.replace(first, path="merchants/8/y.evb", component="y")

    with pytest.raises(ProtocolRefused) as refused:
        check_release(with_(components=[first, second]))

    assert refused.value.code == "RELEASE_INVALID"


def test_requirement_that_is_no_specifier_is_refused() -> None:
    with pytest.raises(ProtocolRefused) as refused:
        check_release(with_(stepping_stone=Requirement("till", "newest")))

    assert refused.value.code == "REQUIREMENT_INVALID"


def test_version_of_our_own_component_must_be_pep_440() -> None:
    with pytest.raises(ProtocolRefused) as refused:
        check_release(with_component(version="one"))

    assert refused.value.code == "VERSION_INVALID"


def test_only_a_merchants_path_belongs_to_a_merchant() -> None:
    assert (merchant_of("merchants/7/x.evb"), merchant_of("components/x.evb")) == (7, None)
    assert is_component_path("components/till-1.1.1+bad1.evb")


def test_missing_language_of_the_operator_is_named() -> None:
    assert missing_languages(RELEASE, {"zh", "en", "ug"}) == ["ug"]


def test_size_is_the_sum_of_the_components() -> None:
    assert RELEASE.size_bytes == 812_345


def test_floor_remembers_what_was_revoked() -> None:
    floor = Floor(
        revoked=[Revocation(release=3, revoked_at=PUBLISHED, reason={"zh": "会丢单"})],
        minimum_rollback_index={"till": 4},
    )

    read = decode_floor(encode(floor))

    assert read == floor
    assert read.revocation(3) is not None
    assert read.revocation(4) is None


def test_floor_of_any_other_shape_is_refused() -> None:
    with pytest.raises(ProtocolRefused, match="FLOOR_INVALID"):
        decode_floor(b'{"format": 1, "revoked": 7}')


def test_operator_without_licence_and_contacts_is_complete() -> None:
    card = Operator(slug="DEFAULT", name={"zh": "演示收单机构", "en": "Demo operator"})

    assert decode_operator(encode(card)) == card
    assert (card.licence, card.contacts) == ("", [])


def test_operator_contact_of_an_unknown_kind_is_refused() -> None:
    card = Operator(slug="DEFAULT", name={"zh": "x"}, contacts=[Contact(kind="phone", value="400 000 0000")])
    body = encode(card).replace(b'"phone"', b'"pigeon"')

    with pytest.raises(ProtocolRefused) as refused:
        decode_operator(body)

    assert refused.value.code == "OPERATOR_INVALID"


@pytest.mark.parametrize(
    "change",
    [
        {"freeze_max_days": 91},
        {"freeze_gap_days": 59},
        {"battery_floor_percent": 29},
        {"opening_hours": "any"},
        {"gate": "never"},
    ],
)
def test_guardrails_may_be_tightened_but_never_widened(change: dict[str, object]) -> None:
    body = msgspec.json.encode({**msgspec.to_builtins(Guardrails()), **change})

    with pytest.raises(ProtocolRefused) as refused:
        decode_guardrails(body)

    assert refused.value.code == "GUARDRAILS_INVALID"


def test_stricter_guardrails_are_taken() -> None:
    strict = Guardrails(freeze_max_days=30, freeze_gap_days=90, battery_floor_percent=60)

    assert decode_guardrails(encode(strict)) == strict


def test_component_words_without_a_version_are_refused() -> None:
    with pytest.raises(ProtocolRefused) as refused:
        decode_words({"type": "app", "component": "till"})

    assert refused.value.code == "COMPONENT_WORDS_INVALID"


@pytest.mark.parametrize("custom", [None, "till", [], 7])
def test_component_words_of_any_other_shape_are_refused(custom: object) -> None:
    with pytest.raises(ProtocolRefused) as refused:
        decode_words(custom)

    assert refused.value.code == "COMPONENT_WORDS_INVALID"


def test_words_without_models_fit_every_terminal_and_with_models_only_those() -> None:
    anywhere = decode_words({"type": "app", "component": "till", "version": "1.0.0"})
    somewhere = msgspec.structs.replace(anywhere, models=["T1"], hardware=["B"])

    assert anywhere.fits("T9", "")
    assert somewhere.fits("T1", "B")
    assert not somewhere.fits("T2", "B")
    assert not somewhere.fits("T1", "A")


def test_endlessly_nested_document_is_refused_with_a_code() -> None:
    with pytest.raises(ProtocolRefused):
        decode_release(b'{"format": 1, "x": ' + b"[" * 100_000)


def test_document_beyond_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolRefused) as refused:
        decode_release(b" " * 300_000)

    assert refused.value.code == "RELEASE_INVALID"


@given(body=st.binary(max_size=400))
def test_rubbish_is_refused_with_a_code_and_never_breaks(body: bytes) -> None:
    with pytest.raises(ProtocolRefused):
        decode_release(body)


@given(position=st.integers(0, len(GOLDEN.read_bytes()) - 1), flip=st.integers(1, 255))
def test_flipped_byte_gives_a_refusal_or_a_release_that_keeps_the_rules(position: int, flip: int) -> None:
    body = bytearray(GOLDEN.read_bytes())
    body[position] ^= flip

    try:
        release = decode_release(bytes(body))
    except ProtocolRefused:
        return

    check_release(release)
