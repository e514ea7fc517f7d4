"""Our own versions are ordered, foreign ones are only equal or different."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.versions import OWN_TYPES, Relation, check_version, relation, satisfies

ORDERED = [
    "0.9",
    "1.0.dev1",
    "1.0a1",
    "1.0rc2",
    "1.0",
    "1.0+1",
    "1.0.post1",
    "1.1.1",
    "1.1.1+bad1",
    "1.1.1+bad2",
    "1.1.2",
    "1.10.0",
    "2026.11",
]


@pytest.mark.parametrize("component_type", sorted(OWN_TYPES))
def test_own_versions_are_ordered_as_pep_440_says(component_type: str) -> None:
    for older, newer in itertools.combinations(ORDERED, 2):
        assert relation(component_type, newer, older) is Relation.NEWER
        assert relation(component_type, older, newer) is Relation.OLDER
    assert all(relation(component_type, each, each) is Relation.SAME for each in ORDERED)


@given(st.sampled_from(["os", "firmware"]), st.text(), st.text())
def test_foreign_versions_are_never_newer_or_older(component_type: str, offered: str, installed: str) -> None:
    assert relation(component_type, offered, installed) is (
        Relation.SAME if offered == installed else Relation.DIFFERENT
    )


def test_one_version_has_one_spelling() -> None:
    for spelled in ["1.0.0-rc1", "v1.0", "1.0.0.post01", "1.0+BAD"]:
        with pytest.raises(ProtocolRefused, match="spell it") as refused:
            check_version("app", spelled)
        assert refused.value.code == "VERSION_INVALID"


def test_installed_version_of_ours_that_is_none_is_refused_not_guessed() -> None:
    with pytest.raises(ProtocolRefused, match="VERSION_INVALID"):
        relation("app", "1.0", "unknown")
    with pytest.raises(ProtocolRefused, match="VERSION_INVALID"):
        satisfies("app", "unknown", ">=1")


@pytest.mark.parametrize(
    ("version", "versions", "met"),
    [
        ("1.5", "", True),
        ("1.5", ">=1.2,<2", True),
        ("2.0", ">=1.2,<2", False),
        ("1.5rc1", ">=1.2", True),
        ("1.1.1+bad1", "==1.1.1", True),
        ("1.1.1+bad1", "==1.1.1+bad1", True),
        ("1.1.1+bad1", "!=1.1.1+bad1", False),
        ("1.1.1+bad1", ">=1.1.1", True),
        ("1.4.2", "~=1.4", True),
        ("1.4.2", "==1.4.*", True),
    ],
)
def test_requirement_on_one_of_ours(version: str, versions: str, met: bool) -> None:  # noqa: FBT001
    assert satisfies("module", version, versions) is met


@pytest.mark.parametrize(
    ("version", "versions", "met"),
    [
        ("2024.06-r3", "", True),
        ("2024.06-r3", "===2024.06-r3", True),
        ("5.10", "==5.10", True),
        ("5.10", "==5.10.0", False),
        ("5.10", "==5.*", False),
        ("5.10", ">=5", False),
        ("5.10", "!=5.9", False),
    ],
)
def test_requirement_on_a_foreign_component_is_met_by_equality_alone(version: str, versions: str, met: bool) -> None:  # noqa: FBT001
    assert satisfies("os", version, versions) is met


@given(st.text())
def test_no_text_makes_the_checks_fail_otherwise(text: str) -> None:
    for component_type in ("app", "os"):
        try:
            check_version(component_type, text)
            satisfies(component_type, "1.0", text)
        except ProtocolRefused:
            pass
