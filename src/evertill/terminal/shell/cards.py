"""Reason cards: what holds an update or ended it, as 原因 / 您可以 / 下次, and what an agent's trouble means.

Rules kept here: the shared sentences come first (`protocol.explain`); a code that is no reason of theirs but a refusal of this terminal
gets that refusal's sentences; the words of a failing program never stand inside a sentence: it names the stage, and the words
stand last, beside the code, to be copied. A later version's code or parameters still show. Pure.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from evertill.protocol.errors import WORDINGS as PROTOCOL_WORDINGS
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.explain import Explanation, Row, explain, headline
from evertill.protocol.reasons import TABLE, Reason
from evertill.terminal.errors import WORDINGS, TerminalRefused
from evertill.terminal.shell.texts import Say

WHAT: Final = "what"  # the parameter in which a failing program's own words travel
ASIDE: Final = frozenset({"detail", "kind"})  # the same in a refusal, where its sentence has them in brackets
_EMPTY_BRACKETS: Final = re.compile(r" ?[（(][）)]")


class Problem(NamedTuple):
    fact: str
    advice: str
    code: str


def card(reasons: Sequence[Reason], next_try_at: datetime | None, say: Say) -> Explanation:
    """The card of these reasons; of the one it leads with, in this terminal's own words where only it has any."""
    shown = explain([_named(reason, say) for reason in reasons], next_try_at, say.language, say.zone, say.now)
    words = [text for reason in reasons if (text := reason.params.get(WHAT))]
    shown = msgspec.structs.replace(shown, codes=[*shown.codes, *map(str, words)])
    first = headline(reasons) if reasons else None
    if first is None or first.code in TABLE or (own := _own_words(first.code, dict(first.params), say)) is None:
        return shown
    fact, advice, detail = own
    return msgspec.structs.replace(
        shown,
        codes=[*shown.codes, *filter(None, [detail])],
        state="need",
        head=say("Something stands in the way"),
        why=Row(shown.why.label, fact, shown.why.detail),
        can=Row(shown.can.label, advice),
    )


def failure(reason: Reason, say: Say) -> Explanation:
    """Why an update ended without being installed."""
    return card([reason], None, say)


def trouble(code: str, params: dict[str, Any], say: Say) -> Problem:
    """The terminal's own sentences of a code that came as a fact."""
    fact, advice, detail = _own_words(code, params, say) or (
        say("Something stands in the way"),
        say("Selling goes on. Ask support and name the code."),
        "",
    )
    return Problem(fact, advice, " · ".join(filter(None, (code, detail))))


def _own_words(code: str, params: dict[str, Any], say: Say) -> tuple[str, str, str] | None:
    """What is so, what to do, and a program's words; None where this version has no words for it."""
    kind = TerminalRefused if code in WORDINGS else ProtocolRefused if code in PROTOCOL_WORDINGS else None
    if kind is None:
        return None
    try:
        refused = kind(code, **{**params, **dict.fromkeys(ASIDE & params.keys(), "")})
        fact, advice = refused.text(say.language), refused.next_step(say.language)
        if _EMPTY_BRACKETS.search(fact):
            aside = ", ".join(str(params[name]) for name in sorted(ASIDE & params.keys()))
            return _EMPTY_BRACKETS.sub("", fact), advice, aside
        refused = kind(code, **params)
        return refused.text(say.language), refused.next_step(say.language), ""
    except KeyError:  # an agent of another version said it with other parameters
        return None


def _named(reason: Reason, say: Say) -> Reason:
    """The same reason with the stage in the place of a program's words."""
    if WHAT not in reason.params:
        return reason
    stage, _, said = str(reason.params[WHAT]).partition(":")
    device = _device(said.split(maxsplit=1)[0], say) if stage == "self-test" and said.strip() else None
    return Reason(reason.code, {**reason.params, WHAT: device or _stage(stage, say)})


def _device(check: str, say: Say) -> str | None:
    """The device whose check of the self-test did not pass (till/CONTRACT.md §2)."""
    return {
        "printer_answers": say("the receipt printer does not answer"),
        "reader_answers": say("the card reader does not answer"),
    }.get(check)


def _stage(name: str, say: Say) -> str:
    stages = {
        "self-test": say("its functions"),
        "start": say("its start"),
        "stop": say("stopping the version before"),
        "migrate": say("taking the data over"),
        "data": say("the books"),
        "running": say("its version"),
        "interrupted": say("a power cut or restart"),
    }
    return stages.get(name, say("the installation"))
