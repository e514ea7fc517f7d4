"""Signed .swu images as an SWUpdate integrator makes them: a cpio of sw-description, its CMS signature and the payload, in this order (DDI facts §4)."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTION = """software =
{{
  version = "{version}";
  hardware-compatibility: [ "1.0" ];
  files: (
    {{ filename = "payload.bin"; path = "{target}"; sha256 = "{sha256}"; }}
  );
}}
"""


@dataclass(frozen=True)
class Signer:
    """A publisher's key and the certificate its devices know."""

    key: Path
    certificate: Path

    @classmethod
    def make(cls, folder: Path) -> Signer:
        """SWUpdate accepts only certificates for e-mail protection unless told otherwise."""
        signer = cls(folder / "demo-key.pem", folder / "demo-certificate.pem")
        words = [
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=demo signer",
            "-addext",
            "extendedKeyUsage=emailProtection",
        ]
        _run("openssl", "req", "-x509", *words, "-keyout", str(signer.key), "-out", str(signer.certificate), cwd=folder)
        return signer


def make(folder: Path, name: str, signer: Signer, payload: bytes, target: Path, *, sha256: str = "") -> Path:
    """An image that writes `payload` to `target`; another `sha256` makes one whose content is not what was signed."""
    work = folder / f"{name}-files"
    work.mkdir()
    (work / "payload.bin").write_bytes(payload)
    described = DESCRIPTION.format(version="2.0", target=target, sha256=sha256 or hashlib.sha256(payload).hexdigest())
    (work / "sw-description").write_text(described, encoding="ascii")
    signing = [
        "-signer",
        str(signer.certificate),
        "-inkey",
        str(signer.key),
        "-outform",
        "DER",
        "-nosmimecap",
        "-binary",
    ]
    _run("openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", *signing, cwd=work)
    members = b"sw-description\nsw-description.sig\npayload.bin\n"
    image = folder / f"{name}.swu"
    image.write_bytes(_run("cpio", "--quiet", "-o", "-H", "crc", cwd=work, said=members))
    return image


def _run(*argv: str, cwd: Path, said: bytes | None = None) -> bytes:
    return subprocess.run(argv, cwd=cwd, input=said, check=True, capture_output=True).stdout
