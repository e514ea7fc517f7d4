"""What the door itself refuses, before any room is asked. Rooms' refusals pass through unchanged."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from evertill.server.rooms.kernel.errors import Refused


class DoorRefused(Refused):
    """`headers` are what HTTP asks to be sent with the status."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        return []


class LaterRefused(DoorRefused):
    """Not a no: come back later. Neither counted nor kept in the audit record."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"retry-after", str(self.params["retry_after_s"]).encode())]


class NothingHere(DoorRefused):
    code = "NOTHING_HERE"
    status = 404
    says = _("There is nothing at this address.")
    next_step = _("Follow the links of the poll answer.")


class MethodUnknown(DoorRefused):
    code = "METHOD_NOT_ALLOWED"
    status = 405
    says = _("This address takes %(allowed)s.")
    next_step = _("Use one of these methods.")

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"allow", str(self.params["allowed"]).encode())]


class AnswerNotAcceptable(DoorRefused):
    code = "NOT_ACCEPTABLE"
    status = 406
    says = _("The answer is JSON, which the Accept header leaves out.")
    next_step = _("Accept application/json or application/hal+json.")


class HeaderInvalid(DoorRefused):
    code = "HEADER_INVALID"
    status = 400
    says = _("The header %(header)s cannot be used: %(problem)s")
    next_step = _("Send it once and well-formed.")


class PathInvalid(DoorRefused):
    code = "PATH_INVALID"
    status = 400
    says = _("The address is too long, not UTF-8, or has control characters.")
    next_step = _("Follow the links of the poll answer.")


class QueryInvalid(DoorRefused):
    code = "QUERY_INVALID"
    status = 400
    says = _("The parameter %(name)s must be a whole number.")
    next_step = _("Follow the links of the poll answer.")


class BodyInvalid(DoorRefused):
    code = "BODY_INVALID"
    status = 400
    says = _("The body cannot be read: %(problem)s")
    next_step = _("Send the JSON this address takes.")


class BodyTooSlow(DoorRefused):
    code = "BODY_TOO_SLOW"
    status = 408
    says = _("The body did not arrive within %(within_s)s seconds.")
    next_step = _("Send it again.")


class BodyTooLarge(DoorRefused):
    code = "BODY_TOO_LARGE"
    status = 413
    says = _("The body may have at most %(most_bytes)s bytes.")
    next_step = _("Send less at a time.")


class MediaUnknown(DoorRefused):
    code = "MEDIA_UNKNOWN"
    status = 415
    says = _("The body must be JSON.")
    next_step = _("Send it with Content-Type: application/json.")


class PreconditionFailed(DoorRefused):
    code = "PRECONDITION_FAILED"
    status = 412
    says = _("The file is not the one that If-Match names.")
    next_step = _("Download it from the start.")


class RangeNotSatisfiable(DoorRefused):
    code = "RANGE_NOT_SATISFIABLE"
    status = 416
    says = _("The file has %(size_bytes)s bytes; the range lies outside or cannot be read.")
    next_step = _("Ask for a range inside the file.")

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"content-range", f"bytes */{self.params['size_bytes']}".encode())]


class DownloadsFull(LaterRefused):
    code = "DOWNLOADS_FULL"
    status = 429
    says = _("Too many downloads are running.")
    next_step = _("Come back after %(retry_after_s)s seconds.")


class DatabaseAway(LaterRefused):
    code = "DATABASE_AWAY"
    status = 503
    says = _("The database does not answer.")
    next_step = _("Come back after %(retry_after_s)s seconds.")


class DoorFault(DoorRefused):
    """What a device is told of a bug; the log says the rest."""

    code = "SERVER_FAULT"
    status = 500
    says = _("The server made a mistake.")
    next_step = _("Try again later; the operator finds it in the server's log.")
