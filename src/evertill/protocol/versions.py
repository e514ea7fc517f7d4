"""Which of two versions is newer, where that can be said at all, and whether a requirement is met.

Rules kept here: our own components (app, module, params, agent) carry PEP 440 versions in their one normal spelling and are ordered
by PEP 440, local builds included (1.1.1 < 1.1.1+bad1 < 1.1.2); versions of foreign components (os, firmware) are opaque text: equal
or different, never newer or older. Pre-releases meet a requirement like any other version: a channel, not a specifier, keeps them away.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from evertill.protocol.errors import ProtocolRefused

OWN_TYPES: Final = frozenset({"app", "module", "params", "agent"})

_VERSION_CHARACTERS: Final = 64
# A version is part of a file name and of URLs, whoever wrote it; a PEP 440 epoch (1!2.0) has no place there.
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


class Relation(enum.Enum):
    """How an offered version stands to the installed one."""

    NEWER = "newer"
    OLDER = "older"
    SAME = "same"
    DIFFERENT = "different"  # foreign versions: not the same, and nothing more can be said


def check_version(component_type: str, version: str) -> None:
    """Judge the spelling of a version.

    Raises:
        ProtocolRefused: VERSION_INVALID.
    """
    if len(version) > _VERSION_CHARACTERS:
        raise ProtocolRefused("VERSION_INVALID", version=version, problem=f"longer than {_VERSION_CHARACTERS}")
    if not _SAFE.fullmatch(version):
        raise ProtocolRefused("VERSION_INVALID", version=version, problem="only A-Z a-z 0-9 . _ + - may stand in it")
    if component_type in OWN_TYPES:
        _own(version)


def relation(component_type: str, offered: str, installed: str) -> Relation:
    """How `offered` stands to `installed`, both of one component.

    Raises:
        ProtocolRefused: VERSION_INVALID for a component of our own with a version that is none.
    """
    if offered == installed:
        return Relation.SAME
    if component_type not in OWN_TYPES:
        return Relation.DIFFERENT
    return Relation.NEWER if _own(offered) > _own(installed) else Relation.OLDER


def check_requirement(versions: str) -> None:
    """Judge the spelling of a requirement.

    Raises:
        ProtocolRefused: REQUIREMENT_INVALID.
    """
    _specifiers(versions)


def satisfies(component_type: str, version: str, versions: str) -> bool:
    """Whether the installed `version` meets the requirement `versions` ("" = any); foreign text is met by equality alone.

    Raises:
        ProtocolRefused: REQUIREMENT_INVALID, or VERSION_INVALID for a component of our own with a version that is none.
    """
    specifiers = _specifiers(versions)
    if component_type in OWN_TYPES:
        return specifiers.contains(_own(version), prereleases=True)
    return all(each.operator in {"==", "==="} and each.version == version for each in specifiers)


def _own(text: str) -> Version:
    try:
        version = Version(text)
    except InvalidVersion as error:
        raise ProtocolRefused("VERSION_INVALID", version=text, problem="not a PEP 440 version") from error
    if str(version) != text:
        raise ProtocolRefused("VERSION_INVALID", version=text, problem=f"spell it {version}")
    return version


def _specifiers(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier as error:
        raise ProtocolRefused("REQUIREMENT_INVALID", versions=text) from error
