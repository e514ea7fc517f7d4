"""Refusals of the catalogue: artifacts, releases, keys and signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from evertill.server.rooms.kernel.errors import Conflict, Invalid, NotFound

if TYPE_CHECKING:
    from evertill.protocol.errors import Language, ProtocolRefused

_ASK_PUBLISHER = _("Stop here and ask the person who runs the server; do not sign.")


class TrustNotInitialised(Conflict):
    code = "TRUST_NOT_INITIALISED"
    says = _("No signing keys were set up yet, so nothing can be published.")
    next_step = _("Set them up: evertill keys init --keys FOLDER.")


class TrustExists(Conflict):
    code = "TRUST_EXISTS"
    says = _("The trust repository exists already; its root cannot be made twice.")
    next_step = _("Change keys with: evertill keys rotate.")


class TrustBusy(Conflict):
    code = "TRUST_BUSY"
    says = _("Another command is signing right now.")
    next_step = _("Try again in a minute.")


class TrustDamaged(Conflict):
    code = "TRUST_DAMAGED"
    says = _("The trust repository is damaged: %(path)s %(problem)s.")
    next_step = _("Restore the folder trust from the newest backup; terminals keep selling meanwhile.")


class KeysUnderData(Conflict):
    code = "KEYS_UNDER_DATA"
    says = _("Offline keys lie in the server's data folder: %(path)s.")
    next_step = _("Move them to a medium that is not connected to the server.")


class KeyExists(Conflict):
    code = "KEY_EXISTS"
    says = _("The key file %(path)s exists already.")
    next_step = _("Name another folder; a key file is never overwritten.")


class KeyMissing(NotFound):
    code = "KEY_MISSING"
    says = _("There is no key for %(role)s in %(folder)s.")
    next_step = _("Insert the medium with the key, or let another key holder sign: evertill keys sign.")


class KeyUnreadable(Invalid):
    code = "KEY_UNREADABLE"
    says = _("The key file %(path)s cannot be used: %(problem)s.")
    next_step = _("Take the copy from the second medium.")


class KeyPassphraseWrong(Invalid):
    code = "KEY_PASSPHRASE_WRONG"
    says = _("This passphrase does not open the key %(name)s.")
    next_step = _("Type it again; nothing was signed.")


class PassphraseTooShort(Invalid):
    code = "PASSPHRASE_TOO_SHORT"
    says = _("A passphrase needs at least %(least)s characters.")
    next_step = _("Choose a longer one, for example six random words.")


class KeyNotListed(Conflict):
    code = "KEY_NOT_LISTED"
    says = _("The key %(name)s may not sign for %(role)s.")
    next_step = _("Use one of: %(known)s.")


class KeysTooFew(Conflict):
    code = "KEYS_TOO_FEW"
    says = _("%(role)s would keep %(left)s keys where %(threshold)s must sign.")
    next_step = _("Add a new key first.")


class RotationBreaksTargets(Conflict):
    code = "ROTATION_BREAKS_TARGETS"
    says = _("The published releases are signed by keys that this change takes away.")
    next_step = _("First sign them again with the keys that stay: evertill keys renew targets.")


class RequestUnknown(NotFound):
    code = "REQUEST_UNKNOWN"
    says = _("Nothing waits for these signatures (request %(id)s).")
    next_step = _("Look at what waits: evertill keys status.")


class RequestInvalid(Invalid):
    code = "REQUEST_INVALID"
    says = _("This is no signing request or signature file: %(problem)s.")
    next_step = _("Fetch the file again.")


class RequestForged(Conflict):
    code = "REQUEST_FORGED"
    says = _("This signing request does not continue what was signed before: %(problem)s.")
    next_step = _ASK_PUBLISHER


class SigningOpen(Conflict):
    code = "SIGNING_OPEN"
    says = _("Another change of %(role)s waits for signatures (request %(id)s).")
    next_step = _("Finish it with evertill keys import, or drop it with evertill keys import --cancel %(id)s.")


class SignatureInvalid(Conflict):
    code = "SIGNATURE_INVALID"
    says = _("The signature of %(name)s does not fit what is to be signed.")
    next_step = _ASK_PUBLISHER


class TargetPathTaken(Conflict):
    code = "TARGET_PATH_TAKEN"
    says = _("%(path)s is signed already with other content.")
    next_step = _("Give the new build a new version; what is published never changes.")


class TargetPathInvalid(Invalid):
    code = "TARGET_PATH_INVALID"
    says = _("%(path)s cannot be a component's file name.")
    next_step = _("Use letters, digits, dots, hyphens, underscores and plus signs.")


class ArtifactDamaged(Conflict):
    code = "ARTIFACT_DAMAGED"
    says = _("The stored file of %(path)s is not what was uploaded.")
    next_step = _("Upload it again, then publish.")


class ReleaseUnknown(NotFound):
    code = "RELEASE_UNKNOWN"
    says = _("There is no release %(release)s.")
    next_step = _("Look it up: evertill release list.")


class ReleaseStateWrong(Conflict):
    code = "RELEASE_STATE_WRONG"
    says = _("Release %(release)s is %(state)s; this cannot be done to it.")
    next_step = _("What is published never changes; make a new release instead.")


class ReleaseEmpty(Invalid):
    code = "RELEASE_EMPTY"
    says = _("A release needs at least one file.")
    next_step = _("Name a component or an artifact.")


class ReleaseMixed(Invalid):
    code = "RELEASE_MIXED"
    says = _("A release holds either our components or files for another updater, not both.")
    next_step = _("Make two releases.")


class NotesIncomplete(Invalid):
    code = "NOTES_INCOMPLETE"
    says = _("The notes are missing in: %(languages)s.")
    next_step = _("Merchants read what changes before they agree; write it in every language of the operator.")


class ArtifactUnknown(NotFound):
    code = "ARTIFACT_UNKNOWN"
    says = _("There is no artifact %(artifact)s.")
    next_step = _("Upload it first.")


class ArtifactNameTaken(Conflict):
    code = "ARTIFACT_NAME_TAKEN"
    says = _("%(filename)s was uploaded already with other content.")
    next_step = _("Give the new build a new version; a name stands for one content for ever.")


class ArtifactTooLarge(Invalid):
    code = "ARTIFACT_TOO_LARGE"
    status = 413
    says = _("This file is larger than %(most_bytes)s bytes.")
    next_step = _("Split it, or make it smaller.")


class ProtocolSaysNo(Invalid):
    """A bundle or document that breaks a rule of the protocol; the code is the protocol's own."""

    code = "PROTOCOL_REFUSED"

    def __init__(self, refused: ProtocolRefused) -> None:
        super().__init__(**refused.params)
        self.code = refused.code  # type: ignore[misc] # one class for every row of protocol.errors
        self._refused = refused

    @property
    def _language(self) -> Language:
        return "zh" if (get_language() or "zh").startswith("zh") else "en"

    def __str__(self) -> str:
        return self._refused.text(self._language)

    @property
    def todo(self) -> str:
        return self._refused.next_step(self._language)
