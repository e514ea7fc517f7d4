"""What the console's templates can say: an icon, a chip, a moment in somebody's time zone, a size, a node's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html

from evertill.protocol import phrases
from evertill.server.doors.console.door import language

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from django.utils.safestring import SafeString

    from evertill.server.doors.console.words import Chip
    from evertill.server.rooms.organisations.models import Node

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """One drawing of the sprite; the word always stands beside it, so it is hidden from screen readers."""
    address = static("look/icons.svg")
    return format_html('<svg class="i" aria-hidden="true"><use href="{}#i-{}"/></svg>', address, name)


@register.simple_tag
def chip(shown: Chip) -> SafeString:
    """Glyph and word, always both; without a state only the word."""
    if not shown.state:
        return format_html('<span class="chip plain">{}</span>', shown.word)
    return format_html('<span class="chip" data-state="{}">{}{}</span>', shown.state, icon(shown.state), shown.word)


@register.simple_tag(takes_context=True)
def moment(context: dict[str, Any], at: datetime, zone: ZoneInfo) -> SafeString:
    """今天 14:32, in the zone that the page names."""
    said = phrases.moment(at, language(), zone, context["visit"].now)
    return format_html('<time datetime="{}">{}</time>', at.isoformat(timespec="seconds"), said)


@register.simple_tag
def clock(at: datetime, zone: ZoneInfo) -> str:
    """14:32:05, where the day stands beside it."""
    return f"{at.astimezone(zone):%H:%M:%S}"


@register.simple_tag
def hour(at: datetime, zone: ZoneInfo) -> str:
    """14:32, rounded as `moment` is, where the day stands beside it."""
    return phrases.moment(at, language(), zone).rpartition(" ")[2]


@register.filter
def zone_name(zone: ZoneInfo) -> str:
    return phrases.zone_name(zone, language())


@register.filter
def size(size_bytes: int) -> str:
    return phrases.size(size_bytes)


@register.filter
def node_name(node: Node) -> str:
    return str(node.name_en if language() == "en" else node.name_zh)
