"""The console's addresses."""

from __future__ import annotations

from allauth.account.views import AccountInactiveView, LoginView, LogoutView
from django.urls import include, path

from evertill.server.doors.console.views import (
    actions,
    audit,
    policies,
    releases,
    rollouts,
    session,
    terminal,
    terminals,
    tree,
)

pages = [
    path("", terminals.fleet_list, name="home"),
    path("terminals/<str:serial>", terminal.show, name="terminal"),
    path("terminals/<str:serial>/policy", policies.of_terminal, name="terminal_policy"),
    path("terminals/<str:serial>/assign", actions.assign, name="assign"),
    path("conflicts/<int:conflict_id>", policies.settle, name="settle"),
    path("actions/<int:action_id>", actions.show, name="action"),
    path("actions/<int:action_id>/cancel", actions.cancel, name="cancel"),
    path("tree", tree.top, name="tree"),
    path("tree/<path:address>", tree.show, name="node"),
    path("policies", policies.top, name="policies"),
    path("policies/<path:address>", policies.of_node, name="policy"),
    path("releases", releases.release_list, name="releases"),
    path("releases/<int:release_id>", releases.show, name="release"),
    path("releases/<int:release_id>/withdraw", releases.withdraw, name="withdraw"),
    path("rollouts", rollouts.rollout_list, name="rollouts"),
    path("rollouts/new", rollouts.new, name="rollout_new"),
    path("rollouts/<int:rollout_id>", rollouts.show, name="rollout"),
    path("rollouts/<int:rollout_id>/live", rollouts.live, name="rollout_live"),
    path("rollouts/<int:rollout_id>/numbers", rollouts.numbers, name="rollout_numbers"),
    path("rollouts/<int:rollout_id>/members", rollouts.members, name="rollout_members"),
    path("rollouts/<int:rollout_id>/<str:step>", rollouts.act, name="rollout_act"),
    path("audit", audit.record, name="audit"),
]
urlpatterns = [
    path("", include((pages, "console"))),
    path("sign-in/", LoginView.as_view(), name="account_login"),
    path("sign-out/", LogoutView.as_view(), name="account_logout"),
    path("closed/", AccountInactiveView.as_view(), name="account_inactive"),
    path("language/", include("django.conf.urls.i18n")),
    path("theme/", session.theme, name="theme"),
    path("healthz", session.healthz, name="healthz"),
]
