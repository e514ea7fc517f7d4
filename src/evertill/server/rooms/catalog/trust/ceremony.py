"""What people with keys do: the first ceremony, changing keys, and signing a request away from the server.

Rules kept here: offline keys never lie under the server's data folder; beside them lies `root.json`, the root their holders trust,
because a signer believes nothing the server says. It moves forward with every new root, so that a key that was replaced vouches for
nothing any more. Texts and prompts are the command line's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tuf.api.metadata import Root

from evertill.protocol.release import FLOOR_PATH, GUARDRAILS_PATH, OPERATOR_PATH, Floor, Guardrails, Operator, encode
from evertill.server.rooms.catalog.errors import KeyMissing, KeysUnderData, KeyUnreadable
from evertill.server.rooms.catalog.trust import keys, requests, roots
from evertill.server.rooms.kernel.errors import Refused
from evertill.server.rooms.kernel.storage import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from securesystemslib.signer import CryptoSigner

    from evertill.server.rooms.catalog.trust.repository import Outcome, TrustRepository
    from evertill.server.rooms.catalog.trust.requests import SignatureFile, SigningRequest

ROOT_COPY: Final = "root.json"
KEYS_PER_ROLE: Final = 3
THRESHOLD: Final = 2


def first_names(*, solo: bool) -> dict[str, list[str]]:
    """The names of the first keys, by role."""
    numbers = range(1, 2 if solo else KEYS_PER_ROLE + 1)
    return {role: [f"{role}-{number}" for number in numbers] for role in roots.OFFLINE_ROLES}


def initialise(
    repository: TrustRepository,
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
    _check_apart(repository, folder)
    repository.check_absent()
    names = first_names(solo=solo)
    signers = {role: [keys.create(folder, name, passphrase(name)) for name in names[role]] for role in names}
    documents = {FLOOR_PATH: encode(Floor()), OPERATOR_PATH: encode(operator), GUARDRAILS_PATH: encode(Guardrails())}
    repository.initialise(signers, 1 if solo else THRESHOLD, documents, now)
    write_whole(folder / ROOT_COPY, repository.newest_root())
    return [name for role in names for name in names[role]]


def signers_at_hand(
    repository: TrustRepository, folder: Path, role: str, passphrase: Callable[[str], str], leaving: str = ""
) -> list[CryptoSigner]:
    """The keys in `folder` that may sign for `role`, opened; files of keys that were replaced are left alone.

    `leaving` names a key that shall go: it is lost or mistrusted, so it is only opened where the others are too few.

    Raises:
        KeyMissing: none lies there; and what opening keys raises.
    """
    root = repository.in_force().root
    files = _files_named(folder, role, roots.names_of(root, role).values())
    staying = [path for path in files if path.stem != leaving]
    chosen = staying if len(staying) >= root.roles[role].threshold else files
    if not chosen:
        raise KeyMissing(role=role, folder=folder)
    return [keys.open_file(path, passphrase(path.stem)) for path in chosen]


def new_name(folder: Path, role: str) -> str | None:
    """What the next key of `role` in `folder` will be called; None for a key that the server keeps to itself."""
    return None if role in roots.ONLINE_ROLES else keys.next_file(folder, role).stem


def replace_key(
    repository: TrustRepository,
    folder: Path,
    role: str,
    old: str,
    signers: list[CryptoSigner],
    passphrase: str,
    now: datetime,
) -> Outcome:
    """Put a new key in the place of the key named `old`, by a new root signed with the root keys `signers`.

    The new offline key lies in `folder`, protected by `passphrase`; a new online key on the server. With too few root keys at hand
    the new root waits as a signing request.

    Raises:
        KeyNotListed: no key of the role has that name. KeysUnderData, PassphraseTooShort, RotationBreaksTargets, SigningOpen.
    """
    _check_apart(repository, folder)
    roots.keyid_of(repository.in_force().root, role, old)
    if role in roots.ONLINE_ROLES:
        made = repository.new_online_key(role)
        place = repository.folder.online / f"{keys.public_name(made.public_key)}.pem"
    else:
        place = keys.next_file(folder, role)
        made = keys.create(folder, place.stem, passphrase)
    change = roots.RootChange(add=[(role, made.public_key)], remove=[(role, old)])
    try:
        outcome = repository.change_root(change, now, [*signers, made] if role == Root.type else signers)
    except Refused:
        place.unlink()  # nobody trusts it, and a key that means nothing only confuses
        raise
    if outcome.published:
        write_whole(folder / ROOT_COPY, repository.newest_root())
    return outcome


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
    may_sign = requests.review(request, root).may_sign
    files = _files_named(folder, request.role, may_sign.values())
    signers = [keys.open_file(path, passphrase(path.stem)) for path in files]
    mine = [signer for signer in signers if signer.public_key.keyid in may_sign]
    if not mine:
        raise KeyMissing(role=request.role, folder=folder)
    signed = requests.sign(request, root, mine)
    with suppress(OSError):  # a medium that is only read keeps its older root, which leads to the newest one
        write_whole(folder / ROOT_COPY, requests.newest_root(request, root))
    return signed


def _check_apart(repository: TrustRepository, folder: Path) -> None:
    if folder.resolve().is_relative_to(repository.folder.data.resolve()):
        raise KeysUnderData(path=folder)


def _files_named(folder: Path, role: str, names: Iterable[str]) -> list[Path]:
    return [path for path in keys.files_for(folder, role) if path.stem in set(names)]
