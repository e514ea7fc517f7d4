"""People, roles and tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.sessions.models import Session

from evertill.server import settings
from evertill.server.rooms.accounts import access, jobs, queries, service, tokens
from evertill.server.rooms.accounts.errors import (
    LastAdmin,
    NeverNeedsMerchant,
    NotAllowed,
    PasswordWeak,
    PersonExists,
    PersonUnknown,
    ScopeUnknown,
    TokenRefused,
    TokenUnknown,
)
from evertill.server.rooms.accounts.models import ApiToken, Person
from evertill.server.rooms.accounts.rules import PERMITS, Operation, Role
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.organisations.errors import NodeUnknown
from evertill.server.rooms.organisations.rules import Kind
from evertill.server.rooms.organisations.service import NodeNames
from tests.server.people import make_person

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.organisations.models import Node

GOOD = "plainly-a-demo-password"
NAMES = NodeNames("演示", "Demo")


def test_person_added_with_a_role_may_act_there_and_below(admin: Identity, now: datetime) -> None:
    service.add_node("DEFAULT/agent", Kind.AGENT, NAMES, admin, now)
    shop = service.add_node("DEFAULT/agent/shop", Kind.MERCHANT, NAMES, admin, now)
    person = service.add_person("demo-fleet", GOOD, Role.FLEET_MANAGER, "DEFAULT/agent", admin, now)
    by = access.Identity.of_person(person)
    assert access.may(by, Operation.TERMINALS_EDIT, shop)


def test_role_reaches_nothing_beside_or_above_its_node(admin: Identity, operator: Node, now: datetime) -> None:
    one = service.add_node("DEFAULT/one", Kind.MERCHANT, NAMES, admin, now)
    other = service.add_node("DEFAULT/one-more", Kind.MERCHANT, NAMES, admin, now)
    by = make_person("demo-owner", Role.MERCHANT_OWNER, one, now)
    assert access.may(by, Operation.VIEW, one)
    assert not access.may(by, Operation.VIEW, other)
    assert not access.may(by, Operation.VIEW, operator)


def test_no_role_of_the_operator_may_set_never(operator: Node, now: datetime) -> None:
    staff = [role for role in Role if role not in PERMITS[Operation.NEVER_SET]]
    assert staff
    for role in staff:
        by = make_person(f"demo-{role.value}".replace("_", "-"), role, operator, now)
        with pytest.raises(NeverNeedsMerchant):
            access.require(by, Operation.NEVER_SET, operator)


def test_somebody_who_left_may_do_nothing(admin: Identity, operator: Node, now: datetime) -> None:
    Person.objects.filter(login="demo-admin").update(is_active=False)
    assert not access.may(admin, Operation.VIEW, operator)


def test_refused_attempt_of_a_known_person_is_in_the_record_and_changes_nothing(operator: Node, now: datetime) -> None:
    by = make_person("demo-auditor", Role.AUDITOR, operator, now)
    with pytest.raises(NotAllowed):
        service.add_node("DEFAULT/agent", Kind.AGENT, NAMES, by, now)
    (row,) = audit.page(actor="demo-auditor")
    assert (row.act, row.refused, row.ref) == ("node.add", "NOT_ALLOWED", "DEFAULT/agent")


def test_done_act_is_in_the_record_with_its_node(admin: Identity, now: datetime) -> None:
    service.add_node("DEFAULT/agent", Kind.AGENT, NAMES, admin, now)
    row = audit.page(kind="node", ref="DEFAULT/agent")[0]
    assert (row.act, row.refused, row.actor, row.node) == ("node.add", "", "demo-admin", "DEFAULT/agent")


@pytest.mark.parametrize("password", ["short", "1234567890", "password1234", "demo-weak-login"])
def test_easy_password_is_refused_and_nobody_is_added(password: str, admin: Identity, now: datetime) -> None:
    with pytest.raises(PasswordWeak):
        service.add_person("demo-weak-login", password, Role.AUDITOR, "DEFAULT", admin, now)
    assert not Person.objects.filter(login="demo-weak-login").exists()


@pytest.mark.parametrize("login", ["", "a", "Capital", "two words", "x" * 65, "名字"])
def test_login_that_cannot_be_typed_is_refused(login: str, admin: Identity, now: datetime) -> None:
    with pytest.raises(FieldInvalid, match="login"):
        service.add_person(login, GOOD, Role.AUDITOR, "DEFAULT", admin, now)


def test_login_is_used_once(admin: Identity, now: datetime) -> None:
    service.add_person("demo-one", GOOD, Role.AUDITOR, "DEFAULT", admin, now)
    with pytest.raises(PersonExists):
        service.add_person("demo-one", GOOD, Role.AUDITOR, "DEFAULT", admin, now)


def test_person_at_an_unknown_node_is_refused(admin: Identity, now: datetime) -> None:
    with pytest.raises(NodeUnknown):
        service.add_person("demo-one", GOOD, Role.AUDITOR, "DEFAULT/nowhere", admin, now)


def test_token_acts_in_its_persons_name_but_never_wider_than_its_scope(
    admin: Identity, operator: Node, now: datetime
) -> None:
    token = service.create_token("demo-admin", "artifacts", admin, now)
    by = access.Identity.of_token(service.token_shown(token, now))
    assert by.actor.name == "demo-admin"
    assert access.may(by, Operation.ARTIFACTS_ADD, operator)
    assert not access.may(by, Operation.PEOPLE_EDIT, operator)


def test_only_the_hash_of_a_token_is_kept(admin: Identity, now: datetime) -> None:
    token = service.create_token("demo-admin", "read", admin, now)
    assert not ApiToken.objects.filter(digest__contains=token).exists()


def test_expired_token_opens_nothing(admin: Identity, now: datetime) -> None:
    token = service.create_token("demo-admin", "read", admin, now)
    with pytest.raises(TokenRefused):
        service.token_shown(token, now + service.TOKEN_LIFETIME)


def test_revoked_or_invented_token_opens_nothing(admin: Identity, now: datetime) -> None:
    token = service.create_token("demo-admin", "read", admin, now)
    ApiToken.objects.update(revoked_at=now)
    for shown in (token, "invented", ""):
        with pytest.raises(TokenRefused):
            service.token_shown(shown, now + timedelta(seconds=1))


def test_token_is_revoked_at_once_and_once(admin: Identity, now: datetime) -> None:
    kept, lost = (service.create_token("demo-admin", "read", admin, now) for _ in range(2))
    (row,) = [row for row in queries.tokens() if row.digest == tokens.digest(lost)]
    service.revoke_token(row.pk, admin, now)
    with pytest.raises(TokenRefused):
        service.token_shown(lost, now)
    assert service.token_shown(kept, now)
    with pytest.raises(TokenUnknown):
        service.revoke_token(row.pk, admin, now)


def test_nobody_without_the_role_revokes_a_token(admin: Identity, operator: Node, now: datetime) -> None:
    token = service.create_token("demo-admin", "read", admin, now)
    fleet = make_person("demo-fleet", Role.FLEET_MANAGER, operator, now)
    with pytest.raises(NotAllowed):
        service.revoke_token(queries.tokens()[0].pk, fleet, now)
    assert service.token_shown(token, now)


def test_somebody_who_leaves_takes_tokens_and_roles_along(admin: Identity, operator: Node, now: datetime) -> None:
    fleet = make_person("demo-fleet", Role.FLEET_MANAGER, operator, now)
    token = service.create_token("demo-fleet", "fleet", admin, now)
    service.close_person("demo-fleet", admin, now)
    with pytest.raises(TokenRefused):
        service.token_shown(token, now)
    with pytest.raises(PersonUnknown):
        service.find_person("demo-fleet")
    assert not access.may(fleet, Operation.VIEW, operator)


def test_last_admin_cannot_leave(admin: Identity, operator: Node, now: datetime) -> None:
    shop = service.add_node("DEFAULT/shop", Kind.MERCHANT, NAMES, admin, now)
    make_person("demo-small", Role.OPERATOR_ADMIN, shop, now)
    with pytest.raises(LastAdmin):
        service.close_person("demo-admin", admin, now)
    make_person("demo-second", Role.OPERATOR_ADMIN, operator, now)
    service.close_person("demo-admin", admin, now)


def test_new_password_is_held_to_the_same_rules(admin: Identity, now: datetime) -> None:
    person = service.add_person("demo-one", GOOD, Role.AUDITOR, "DEFAULT", admin, now)
    with pytest.raises(PasswordWeak):
        service.set_password("demo-one", "1234567890", admin, now)
    service.set_password("demo-one", "another-demo-password", admin, now)
    person.refresh_from_db()
    assert person.check_password("another-demo-password")
    assert not person.check_password(GOOD)


def test_password_is_kept_as_scrypt() -> None:
    assert settings.PASSWORD_HASHERS == ["django.contrib.auth.hashers.ScryptPasswordHasher"]


def test_sessions_that_ended_are_forgotten(db: None, now: datetime) -> None:
    for key, ends_at in (("old", now - timedelta(seconds=1)), ("open", now + timedelta(hours=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=ends_at)
    jobs.forget_sessions(now)
    assert [session.session_key for session in Session.objects.all()] == ["open"]


def test_unknown_scope_is_refused_with_the_known_ones(admin: Identity, now: datetime) -> None:
    with pytest.raises(ScopeUnknown, match="everything") as refused:
        service.create_token("demo-admin", "everything", admin, now)
    assert "artifacts" in refused.value.todo


def test_visible_nodes_are_the_topmost_only(admin: Identity, operator: Node, now: datetime) -> None:
    shop = service.add_node("DEFAULT/shop", Kind.MERCHANT, NAMES, admin, now)
    store = service.add_node("DEFAULT/shop/store", Kind.STORE, NAMES, admin, now)
    by = make_person("demo-owner", Role.MERCHANT_OWNER, shop, now)
    service.grant("demo-owner", Role.STORE_MANAGER, store.address, admin, now)
    assert [node.address for node in access.visible_nodes(by)] == ["DEFAULT/shop"]
    assert [node.address for node in access.visible_nodes(admin)] == [operator.address]
