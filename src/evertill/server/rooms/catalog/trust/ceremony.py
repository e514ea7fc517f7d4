"""What people with keys do: the first ceremony, and signing a request away from the server.

Rules kept here: offline keys never lie under the server's data folder; beside them lies `root.json`, the root their holders trust,
because a signer believes nothing the server says. Texts and prompts are the command line's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tuf.api.metadata import Root, Targets

from evertill.protocol.release import FLOOR_PATH, GUARDRAILS_PATH, OPERATOR_PATH, Floor, Guardrails, Operator, encode
from evertill.server.rooms.catalog.errors import KeyMissing, KeysUnderData, KeyUnreadable
from evertill.server.rooms.catalog.trust import keys, requests, roots
from evertill.server.rooms.kernel.errors import Refused
from evertill.server.rooms.kernel.storage import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from evertill.server.rooms.catalog.trust.repository import Outcome, TrustRepository
    from evertill.server.rooms.catalog.trust.requests import SignatureFile, SigningRequest

ROOT_COPY: Final = "root.json"
KEYS_PER_ROLE: Final = 3
THRESHOLD: Final = 2


def initialise(
    repository: TrustRepository,
    data: Path,
    folder: Path,
    operator: Operator,
    passphrase: Callable[[str], str],
    now: datetime,
    *,
    solo: bool = False,
) -> list[str]:
    """Make the offline keys in `folder` and version 1 of the repository; answers the names of the keys.

    Raises:
        KeysUnderData, KeyExists, TrustExists, PassphraseTooShort.
    """
    if folder.resolve().is_relative_to(data.resolve()):
        raise KeysUnderData(path=folder)
    repository.check_absent()
    count = 1 if solo else KEYS_PER_ROLE
    signers = {
        role: [
            keys.create(folder, name, passphrase(name))
            for name in (f"{role}-{number}" for number in range(1, count + 1))
        ]
        for role in (Root.type, Targets.type)
    }
    documents = {FLOOR_PATH: encode(Floor()), OPERATOR_PATH: encode(operator), GUARDRAILS_PATH: encode(Guardrails())}
    repository.initialise(signers, 1 if solo else THRESHOLD, documents, now)
    write_whole(folder / ROOT_COPY, repository.first_root())
    return [keys.public_name(signer.public_key) for role_signers in signers.values() for signer in role_signers]


def replace_key(
    repository: TrustRepository, folder: Path, role: str, old: str, passphrase: Callable[[str], str], now: datetime
) -> Outcome:
    """Put a new key in the place of the key named `old`, by a new root signed with the root keys in `folder`.

    The new offline key lies in `folder`, a new online key on the server. With too few root keys at hand the new root waits
    as a signing request.

    Raises:
        KeyNotListed: no key of the role has that name. RotationBreaksTargets, SigningOpen, KeyMissing and what opening keys raises.
    """
    roots.keyid_of(repository.in_force().root, role, old)
    signers = keys.open_role(folder, Root.type, passphrase)
    if role in roots.ONLINE_ROLES:
        made = repository.new_online_key(role)
        place = repository.folder.online / f"{keys.public_name(made.public_key)}.pem"
    else:
        place = keys.next_file(folder, role)
        made = keys.create(folder, place.stem, passphrase(place.stem))
    try:
        return repository.change_root(
            roots.RootChange(add=[(role, made.public_key)], remove=[(role, old)]), now, signers
        )
    except Refused:
        place.unlink()  # nobody trusts it, and a key that means nothing only confuses
        raise


def trusted_root(folder: Path) -> bytes:
    """The root that the holders of the keys in `folder` trust. Raises KeyUnreadable."""
    try:
        return (folder / ROOT_COPY).read_bytes()
    except OSError as error:
        raise KeyUnreadable(path=folder / ROOT_COPY, problem=error.strerror) from error


def sign(request: SigningRequest, folder: Path, passphrase: Callable[[str], str]) -> SignatureFile:
    """Review `request` by the root in `folder` and sign it with every key there that may.

    Raises:
        KeyMissing: no key for the role lies there; RequestForged, KeyPassphraseWrong and what `requests.sign` raises.
    """
    root = trusted_root(folder)
    may_sign = set(requests.review(request, root).may_sign)
    files = keys.files_for(folder, request.role)
    signers = [keys.open_file(path, passphrase(path.stem)) for path in files]
    mine = [signer for signer in signers if signer.public_key.keyid in may_sign]
    if not mine:
        raise KeyMissing(role=request.role, folder=folder)
    return requests.sign(request, root, mine)
