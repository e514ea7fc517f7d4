"""Refusals: the world said no. Everything else that is raised is a bug and may end the process.

A refusal carries a code that never changes (CONTRACT.md lists them); words are added at the door that shows it.
"""


class Refused(Exception):
    """Something asked for cannot be done now; nothing was changed."""

    def __init__(self, code: str, detail: str = "", **facts: object) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.facts = facts
