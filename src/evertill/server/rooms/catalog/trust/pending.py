"""What waits for signatures: one file per role under DATA/trust/pending, with everything that publishing it needs."""

from pathlib import Path

import msgspec

from evertill.server.rooms.catalog.trust.requests import SigningRequest
from evertill.server.rooms.catalog.trust.targets import ComponentFile
from evertill.server.rooms.kernel.storage import sync_folder, write_whole


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """The request that is carried to the keys, and the files that stay here until it comes back."""

    request: SigningRequest
    components: list[ComponentFile]


class PendingFolder:
    """Written under the signer's lock alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, role: str) -> Pending | None:
        try:
            return msgspec.json.decode((self._path / f"{role}.json").read_bytes(), type=Pending)
        except FileNotFoundError:
            return None

    def all(self) -> list[Pending]:
        roles = sorted(path.stem for path in self._path.glob("[a-z]*.json"))
        return [pending for role in roles if (pending := self.get(role)) is not None]

    def keep(self, pending: Pending) -> None:
        write_whole(self._path / f"{pending.request.role}.json", msgspec.json.encode(pending), mode=0o600)

    def forget(self, role: str) -> None:
        (self._path / f"{role}.json").unlink(missing_ok=True)
        sync_folder(self._path)
