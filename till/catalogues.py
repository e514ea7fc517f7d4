"""Reads gettext .po files and writes .mo, with the standard library alone, so that staging needs no gettext tools.

Only what our catalogues use: msgid and msgstr of one or more quoted lines, comments, no plurals, no contexts. Formats:
GNU gettext manual, "PO Files" and "The Format of GNU MO Files".
"""

import ast
import struct

MAGIC, HEADER_BYTES = 0x950412DE, 28
CHARSET = "Content-Type: text/plain; charset=UTF-8\n"


class CatalogueError(Exception):
    """A .po file we cannot read."""


def read_po(text: str) -> dict[str, str]:
    """Translations by their English text; entries without a translation are left out."""
    entries: dict[str, str] = {}
    parts: dict[str, str] = {}
    part = ""
    for number, line in enumerate([*text.splitlines(), 'msgid ""'], 1):
        keyword, _, rest = line.partition(" ")
        if not line.strip() or line.startswith("#"):
            continue
        if keyword == "msgid":
            if parts.get("msgid") and parts.get("msgstr"):
                if parts["msgid"] in entries:
                    raise CatalogueError(f"before line {number}: {parts['msgid']!r} is there twice")
                entries[parts["msgid"]] = parts["msgstr"]
            parts = {}
        elif keyword != "msgstr" and not line.startswith('"'):
            raise CatalogueError(f"line {number}: {line!r}")
        part, quoted = (keyword, rest) if keyword in {"msgid", "msgstr"} else (part, line)
        parts[part] = parts.get(part, "") + ast.literal_eval(quoted)
    return entries


def write_mo(entries: dict[str, str]) -> bytes:
    """A .mo file; the same entries give the same bytes."""
    pairs = sorted((text.encode(), translation.encode()) for text, translation in {"": CHARSET, **entries}.items())
    index_bytes = 8 * len(pairs)
    offset = HEADER_BYTES + 2 * index_bytes
    indexes, strings = [], b""
    for column in (0, 1):
        for pair in pairs:
            indexes.append(struct.pack("<II", len(pair[column]), offset + len(strings)))
            strings += pair[column] + b"\0"
    header = struct.pack("<7I", MAGIC, 0, len(pairs), HEADER_BYTES, HEADER_BYTES + index_bytes, 0, 0)
    return header + b"".join(indexes) + strings
