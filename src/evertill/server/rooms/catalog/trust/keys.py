"""Key files: made, found and opened.

Rules kept here: an offline key is a PKCS#8 file of its own, mode 0600, encrypted with a passphrase through scrypt, so that
`openssl pkey -in root-1.pem` opens it without us; its name says role and number (`root-1.pem`, `merchants-7-1.pem`). The two online
keys are plain PKCS#8, mode 0600, under DATA/trust/online. A key file is never overwritten. Nothing here signs or asks a person.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner

from evertill.server.rooms.catalog.errors import (
    KeyExists,
    KeyMissing,
    KeyPassphraseWrong,
    KeyUnreadable,
    PassphraseTooShort,
)
from evertill.server.rooms.kernel.storage import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from securesystemslib.signer import Key

# OWASP password storage: as strong as N=2^17, p=1, and openssl opens it within its default 32 MiB.
SCRYPT_N: Final = 2**14
SCRYPT_R: Final = 8
SCRYPT_P: Final = 5
LEAST_PASSPHRASE_CHARS: Final = 8

NAME_FIELD: Final = "x-evertill-name"  # in a public key: what its holders call it
_FILE_NAME = re.compile(r"(?P<role>root|targets|merchants-[1-9][0-9]*)-(?P<number>[1-9][0-9]*)\.pem")
_ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"

# RFC 8018 (PBES2), RFC 7914 (scrypt), NIST CSOR (aes256-CBC).
_PBES2: Final = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT: Final = bytes.fromhex("06092b06010401da47040b")
_AES256_CBC: Final = bytes.fromhex("060960864801650304012a")


def create(folder: Path, name: str, passphrase: str) -> CryptoSigner:
    """A new Ed25519 key in `folder`/`name`.pem.

    Raises:
        KeyExists: the file is there already. PassphraseTooShort: fewer than 8 characters.
    """
    if len(passphrase) < LEAST_PASSPHRASE_CHARS:
        raise PassphraseTooShort(least=LEAST_PASSPHRASE_CHARS)
    signer = CryptoSigner.generate_ed25519()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_secret(folder / f"{name}.pem", _encrypted(signer.private_bytes, passphrase))
    return named(signer, name)


def create_online(folder: Path, name: str) -> CryptoSigner:
    """A new key that the server itself uses; only the file mode protects it, so it can sign nothing but freshness."""
    signer = CryptoSigner.generate_ed25519()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_secret(folder / f"{name}.pem", signer.private_bytes)
    return named(signer, name)


def open_file(path: Path, passphrase: str | None) -> CryptoSigner:
    """The signer in a key file; `passphrase` is None for an online key.

    Raises:
        KeyPassphraseWrong: it does not open. KeyUnreadable: missing, or no key file.
    """
    secret = None if passphrase is None else passphrase.encode()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KeyUnreadable(path=path, problem=error.strerror) from error
    if passphrase is not None and not content.startswith(_ENCRYPTED):
        raise KeyUnreadable(path=path, problem="not an encrypted key")
    try:
        return named(CryptoSigner(load_pem_private_key(content, secret)), path.stem)
    except ValueError as error:
        if secret is not None and "password" in str(error).lower():
            raise KeyPassphraseWrong(name=path.stem) from error
        raise KeyUnreadable(path=path, problem="damaged") from error


def files_for(folder: Path, role: str) -> list[Path]:
    """The key files of one role in a folder, by number."""
    found = [(path, match) for path in folder.glob("*.pem") if (match := _FILE_NAME.fullmatch(path.name))]
    return [path for path, match in sorted(found, key=lambda pair: int(pair[1]["number"])) if match["role"] == role]


def next_file(folder: Path, role: str) -> Path:
    """Where the next key of a role goes: one number above every one that lies here."""
    numbers = [int(path.stem.rpartition("-")[2]) for path in files_for(folder, role)]
    return folder / f"{role}-{max(numbers, default=0) + 1}.pem"


def open_role(folder: Path, role: str, passphrase: Callable[[str], str]) -> list[CryptoSigner]:
    """Every key of a role that lies in `folder`, opened with the passphrase a person gives for its name.

    Raises:
        KeyMissing: there is none.
    """
    files = files_for(folder, role)
    if not files:
        raise KeyMissing(role=role, folder=folder)
    return [open_file(path, passphrase(path.stem)) for path in files]


def offline_keys_under(data: Path) -> list[Path]:
    """Encrypted key files anywhere below the server's data folder, where they must not be."""
    return sorted(path for path in data.rglob("*.pem") if path.is_file() and _starts_encrypted(path))


def public_name(key: Key) -> str:
    return str(key.unrecognized_fields.get(NAME_FIELD, key.keyid[:8]))


def named(signer: CryptoSigner, name: str) -> CryptoSigner:
    signer.public_key.unrecognized_fields[NAME_FIELD] = name
    return signer


def _starts_encrypted(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ENCRYPTED)) == _ENCRYPTED


def _write_secret(path: Path, content: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise KeyExists(path=path) from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def _encrypted(pem: bytes, passphrase: str) -> bytes:
    """PKCS#8 with scrypt: pyca/cryptography reads it but writes PBKDF2 only, so the envelope is put together here."""
    plain = load_pem_private_key(pem, None).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    salt, iv = os.urandom(16), os.urandom(16)
    key = hashlib.scrypt(passphrase.encode(), salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, dklen=32)
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    cipher = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    numbers = b"".join(_integer(number) for number in (SCRYPT_N, SCRYPT_R, SCRYPT_P))
    derivation = _sequence(_SCRYPT, _sequence(_octets(salt), numbers))
    scheme = _sequence(_PBES2, _sequence(derivation, _sequence(_AES256_CBC, _octets(iv))))
    der = _sequence(scheme, _octets(cipher))
    load_der_private_key(der, passphrase.encode())  # a key that cannot be opened again must never be handed out
    body = base64.encodebytes(der)
    return _ENCRYPTED + b"\n" + body + b"-----END ENCRYPTED PRIVATE KEY-----\n"


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 - X.690 8.1.3: short form
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _der(0x30, b"".join(parts))


def _octets(content: bytes) -> bytes:
    return _der(0x04, content)


def _integer(number: int) -> bytes:
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))
