"""The signed documents: a release, the floor, the operator's card and the guardrails, as the publisher signs them.

Rules kept here: one format number each, an unknown one is refused; unknown fields are ignored, so what an older terminal
must not overlook gets a new format number. `decode_*` returns only documents whose every rule holds, or raises with the
field; `encode` gives the same bytes for the same document, because those bytes are hashed and signed. What a terminal
shows or enforces about a release comes from here alone: the database, DDI metadata and `offers` are hints.
Not here: signatures, files, and whether a release fits a terminal.
"""

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from evertill.protocol import versions
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import ComponentName, Line, Requirement

MAX_ID: Final = 2**31 - 1  # one integer sequence with actions and modules; SWUpdate parses it as a C int
MAX_COMPONENTS: Final = 50  # hawkBit's artifacts per module
MAX_NOTE_CHARS: Final = 20_000
MAX_DOCUMENT_BYTES: Final = 256 * 1024

FLOOR_PATH: Final = "floor.json"
OPERATOR_PATH: Final = "operator.json"
GUARDRAILS_PATH: Final = "guardrails.json"

Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
Version = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9.+_~:-]{0,63}\Z")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Language = Annotated[str, msgspec.Meta(pattern=r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")]
Texts = dict[Language, Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NOTE_CHARS)]]
ComponentType = Literal["app", "module", "params", "agent", "os", "firmware"]
Severity = Literal["feature", "maintenance", "security", "critical"]

DATED_SEVERITIES: Final[frozenset[Severity]] = frozenset({"security", "critical"})

# A file of the operator's own, or of one merchant's custom software: nothing else can be a component.
# One folder deep, because the delegation `merchants/7/*` covers exactly that (TUF spec 4.5, PATHPATTERN).
_FILE = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,159}"
_COMPONENT_PATH = re.compile(rf"(?:components|merchants/(?P<merchant>[1-9][0-9]{{0,9}}))/{_FILE}")


class ReleaseComponent(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    sha256: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    sha512: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{128}\Z")]
    length: Annotated[int, msgspec.Meta(ge=1, le=2**40)]
    type: ComponentType
    component: ComponentName
    version: Version


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One release as it lies at `releases/{id}.json`."""

    format: Literal[1] = 1
    id: Id
    name: Name
    version: Version
    components: Annotated[list[ReleaseComponent], msgspec.Meta(min_length=1, max_length=MAX_COMPONENTS)]
    notes: Texts
    severity: Severity
    required_at: Moment | None = None
    emergency: bool = False  # critical only: the 7 days of being displayed are waived
    requirements: list[Requirement] = []  # must hold once this release is installed
    stepping_stone: Requirement | None = None  # must already be installed before
    recovery: Texts = {}  # what to do, and not to do, when it goes wrong
    minutes: Annotated[int, msgspec.Meta(ge=1, le=24 * 60)]  # how long the terminal is busy, for the person before it
    fixes_on: Version | None = None  # security-only build of this version: no features come along
    must_unplug: bool = False
    incompatible_peripherals: list[Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{4}:[0-9a-f]{4}\Z")]] = []  # USB ids
    cves: list[Annotated[str, msgspec.Meta(pattern=r"\ACVE-[0-9]{4}-[0-9]{4,}\Z")]] = []
    published_at: Moment

    @property
    def size_bytes(self) -> int:
        return sum(component.length for component in self.components)


class ComponentWords(msgspec.Struct, frozen=True, kw_only=True):
    """`custom` of a component's target: what the terminal compares with the release and with itself."""

    type: ComponentType
    component: ComponentName
    version: Version
    models: list[Line] = []  # empty = any
    hardware: list[Line] = []  # hardware revisions; empty = any
    rollback_index: Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)] = 0

    def fits(self, model: str, hardware_revision: str) -> bool:
        return (not self.models or model in self.models) and (not self.hardware or hardware_revision in self.hardware)


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    release: Id
    revoked_at: Moment
    reason: Texts


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """What must never run again: it only ever grows."""

    format: Literal[1] = 1
    revoked: list[Revocation] = []
    minimum_rollback_index: dict[ComponentName, Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]] = {}

    def revocation(self, release_id: int) -> Revocation | None:
        return next((entry for entry in self.revoked if entry.release == release_id), None)


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    kind: Literal["phone", "email", "web", "address", "hours"]
    value: Name


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands behind the software. An empty licence or no contact is shown as "not set"."""

    format: Literal[1] = 1
    slug: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]
    name: Texts
    licence: Annotated[str, msgspec.Meta(max_length=256)] = ""
    contacts: list[Contact] = []
    ca_pem: str | None = None
    notices_key: str | None = None  # PEM of the public key that signs notices


class Guardrails(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds that no online policy can pass. A signed file may tighten them; these defaults are the widest allowed."""

    format: Literal[1] = 1
    freeze_max_days: Annotated[int, msgspec.Meta(ge=0, le=90)] = 90
    freeze_gap_days: Annotated[int, msgspec.Meta(ge=60, le=366)] = 60
    battery_floor_percent: Annotated[int, msgspec.Meta(ge=30, le=100)] = 30
    opening_hours: Literal["attended"] = "attended"  # where they are stored, nothing starts unattended inside them
    gate: Literal["always"] = "always"


Document = TypeVar("Document", Release, Floor, Operator, Guardrails)


def release_path(release_id: int) -> str:
    return f"releases/{release_id}.json"


def merchant_of(path: str) -> int | None:
    """Whose custom software a component path is; None for the operator's own."""
    found = _COMPONENT_PATH.fullmatch(path)
    return int(found["merchant"]) if found and found["merchant"] else None


def is_component_path(path: str) -> bool:
    return _COMPONENT_PATH.fullmatch(path) is not None


def encode(document: Release | Floor | Operator | Guardrails) -> bytes:
    """The bytes that are signed: sorted keys, one per line, so that a signer can read them."""
    return msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=1) + b"\n"


def decode_release(body: bytes) -> Release:
    """Raises ProtocolRefused DOCUMENT_FORMAT_UNKNOWN, or what `check_release` says."""
    release = _decode(body, Release, "RELEASE_INVALID")
    check_release(release)
    return release


def decode_floor(body: bytes) -> Floor:
    """Raises ProtocolRefused FLOOR_INVALID or DOCUMENT_FORMAT_UNKNOWN."""
    return _decode(body, Floor, "FLOOR_INVALID")


def decode_operator(body: bytes) -> Operator:
    """Raises ProtocolRefused OPERATOR_INVALID or DOCUMENT_FORMAT_UNKNOWN."""
    return _decode(body, Operator, "OPERATOR_INVALID")


def decode_guardrails(body: bytes) -> Guardrails:
    """Raises ProtocolRefused GUARDRAILS_INVALID or DOCUMENT_FORMAT_UNKNOWN."""
    return _decode(body, Guardrails, "GUARDRAILS_INVALID")


def decode_words(custom: object) -> ComponentWords:
    """Raises ProtocolRefused COMPONENT_WORDS_INVALID when a component target does not say what it is."""
    try:
        return msgspec.convert(custom, ComponentWords)
    except msgspec.ValidationError as error:
        field, problem = _place(error)
        raise ProtocolRefused("COMPONENT_WORDS_INVALID", field=field, problem=problem) from error


def check_release(release: Release) -> None:
    """The rules between fields, which types cannot say.

    Raises:
        ProtocolRefused: RELEASE_INVALID with the field that must change, VERSION_INVALID, REQUIREMENT_INVALID.
    """
    _check_types(release)
    _check_components(release.components)
    _check_texts(release)
    _check_dates(release)
    for requirement in release.requirements:
        versions.check_requirement(requirement.versions)
    if release.stepping_stone is not None:
        versions.check_requirement(release.stepping_stone.versions)


def _check_types(release: Release) -> None:
    # Structs built in code are not checked by msgspec: one round trip gives both ways in the same rules.
    _decode(msgspec.json.encode(release), Release, "RELEASE_INVALID")


def _check_components(components: list[ReleaseComponent]) -> None:
    for component in components:
        versions.check_version(component.type, component.version)
        if not is_component_path(component.path):
            raise _invalid("components.path", f"{component.path!r} is not a component's path")
    if len({component.component for component in components}) != len(components):
        raise _invalid("components.component", "a component is named twice")
    if len({component.path for component in components}) != len(components):
        raise _invalid("components.path", "a file is named twice")
    if len({merchant for part in components if (merchant := merchant_of(part.path)) is not None}) > 1:
        raise _invalid("components.path", "files of two merchants in one release")


def _check_texts(release: Release) -> None:
    if not release.notes:
        raise _invalid("notes", "no language")
    if release.recovery and release.recovery.keys() != release.notes.keys():
        raise _invalid("recovery", "not the languages of the notes")
    for field, texts in (("notes", release.notes), ("recovery", release.recovery)):
        if any(not text.strip() for text in texts.values()):
            raise _invalid(field, "an empty text")


def _check_dates(release: Release) -> None:
    for field, moment in (("published_at", release.published_at), ("required_at", release.required_at)):
        if moment is not None and moment.utcoffset() != timedelta(0):
            raise _invalid(field, "not in UTC")
    if release.required_at is not None and release.severity not in DATED_SEVERITIES:
        raise _invalid("required_at", "only a security or critical release may have a date")
    if release.required_at is not None and release.required_at <= release.published_at:
        raise _invalid("required_at", "not after the day it was published")
    if release.emergency and (release.severity != "critical" or release.required_at is None):
        raise _invalid("emergency", "only a critical release with a date can be an emergency")
    if release.fixes_on is not None and release.severity not in DATED_SEVERITIES:
        raise _invalid("fixes_on", "only a security or critical release can be a security-only build")


def missing_languages(release: Release, languages: Collection[str]) -> list[str]:
    """Which of the operator's languages the notes lack, sorted."""
    return sorted(set(languages) - release.notes.keys())


def _decode(body: bytes, of: type[Document], code: str) -> Document:
    if len(body) > MAX_DOCUMENT_BYTES:
        raise ProtocolRefused(code, field="", problem=f"larger than {MAX_DOCUMENT_BYTES} bytes")
    try:
        number = msgspec.json.decode(body, type=_Format).format
        if number != 1:
            raise ProtocolRefused("DOCUMENT_FORMAT_UNKNOWN", format=number)
        return msgspec.json.decode(body, type=of)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        field, problem = _place(error)
        raise ProtocolRefused(code, field=field, problem=problem) from error


class _Format(msgspec.Struct, frozen=True):
    format: int


def _place(error: Exception) -> tuple[str, str]:
    """The field and what is wrong with it; msgspec ends its sentence with " - at `$.field`" or " - at `key` in `$.field`"."""
    problem, _, place = str(error).partition(" - at `")
    return place.rpartition("$")[2].strip("`."), problem


def _invalid(field: str, problem: str) -> ProtocolRefused:
    return ProtocolRefused("RELEASE_INVALID", field=field, problem=problem)
