"""The frame around every page: head, top bar, one banner at most, what the page says, and the dock with its one next
step.
"""

from till.errors import Refused
from till.pages.http import Response, page
from till.pages.icons import icon
from till.pages.markup import Markup, fill
from till.pages.reasons import Words, fact, words
from till.pages.visit import Visit
from till.texts import Say

PAGE = """<!doctype html>
<html lang="{tag}" data-surface="terminal" data-theme="light">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>{refresh}
<link rel="stylesheet" href="tokens.css"><link rel="stylesheet" href="till.css"><script src="pad.js" defer></script></head>
<body><main class="screen">
<header class="topbar">{back}<h1>{title}</h1><span class="push"></span>{extra}{language}{menu}</header>
{banner}<div class="content {layout}">{content}</div>{dock}
</main></body></html>
"""
BANNER = """<div class="banner" role="alert" data-state="{state}">{icon}<div><p class="strong">{fact}</p>
<p class="small">{advice}</p><p class="code">{code}</p></div></div>"""
DOCK = '<footer class="dock">{dock}</footer>'
EDGE = Markup('<span class="edge"></span>')
BACK = '<a class="icon-button" href="{href}" aria-label="{label}">{icon}</a>'
LANGUAGE = '<a class="icon-button lang" lang="{tag}" href="language?to={to}&amp;back={back}">{name}</a>'
MENU = '<a class="icon-button" href="menu" aria-label="{label}">{icon}</a>'


def show(
    visit: Visit,
    title: str,
    content: Markup,
    dock: Markup | None = None,
    *,
    back: str | None = None,
    layout: str = "",
    extra: Markup | None = None,
) -> Response:
    """A whole page; a refusal that brought the person back here becomes the banner and the status."""
    found = words(visit.problem.code, visit.features) if visit.problem else None
    html = fill(
        PAGE,
        tag=visit.say.tag,
        title=title,
        refresh=None,
        back=fill(BACK, href=back, label=visit.say("Back"), icon=icon("back")) if back is not None else EDGE,
        extra=extra,
        language=_language(visit),
        menu=fill(MENU, label=visit.say("Menu"), icon=icon("menu")) if visit.session.operator else None,
        banner=banner(visit.say, visit.problem, found) if visit.problem and found else None,
        layout=layout,
        content=content,
        dock=fill(DOCK, dock=dock) if dock is not None else None,
    )
    return page(html, found.status if found else 200)


def checking(say: Say, version: str) -> Response:
    """The only page of a version that is not proven yet; asks again by itself."""
    text = fill(
        '<div class="empty" data-state="move">{icon}<h2>{fact}</h2><p>{advice}</p><p class="fine">{version}</p></div>',
        icon=icon("move"),
        fact=say("Checking the new version"),
        advice=say("Selling goes on in a few seconds, by itself. Every sale is kept."),
        version=version,
    )
    html = fill(
        PAGE,
        tag=say.tag,
        title=say("Till"),
        refresh=Markup('<meta http-equiv="refresh" content="1">'),
        back=EDGE,
        **dict.fromkeys(("extra", "language", "menu", "banner", "layout", "dock")),
        content=text,
    )
    return page(html, 503)


def banner(say: Say, problem: Refused, found: Words) -> Markup:
    """What went wrong, what to do, and the code."""
    advice = say(found.advice) if found.advice else ""
    return fill(
        BANNER,
        state=found.state,
        icon=icon(found.state),
        fact=fact(say, found, problem),
        advice=advice,
        code=problem.code,
    )


def token(visit: Visit) -> Markup:
    """The hidden field that proves a form is ours."""
    return fill('<input type="hidden" name="csrf" value="{csrf}">', csrf=visit.session.csrf)


def _language(visit: Visit) -> Markup:
    to, tag, name = ("en", "en", "EN") if visit.say.language == "zh" else ("zh", "zh-Hans", "中文")
    number = visit.request.query.get("number") or visit.form.get("number", "")
    back = visit.request.page + (f"%3Fnumber={number}" if number.replace("-", "").isdigit() else "")
    return fill(LANGUAGE, tag=tag, to=to, back=back, name=name)
