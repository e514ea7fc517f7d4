"""What any look may run into."""

from __future__ import annotations


class Silent(Exception):
    """Nothing usable came back; a later look may be luckier."""
