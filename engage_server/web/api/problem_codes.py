"""The problems that a caller of the API should expect: for each code its status, and what it means."""

from collections.abc import Mapping
from typing import NotRequired

from engage_server.as_json.formats import Shape

PROBLEM_CODES: Mapping[str, tuple[int, str]] = {
    "request.malformed": (400, "The request cannot be read."),
    "request.host": (400, "The request names no host."),
    "request.method": (405, "The address does not have that method. The field Allow names those that it has."),
    "request.target_too_long": (414, "The address is too long."),
    "request.header_too_large": (431, "The header is too large."),
    "request.json": (400, "The body is empty."),
    "body.invalid": (400, "The body is not JSON."),
    "request.body": (400, "The address reads no body."),
    "request.parameters": (400, "A parameter of the query is unknown, or its value is not accepted."),
    "request.twice": (400, "A parameter of the query comes twice."),
    "cursor.invalid": (400, "The cursor is of another list."),
    "idempotency.missing": (400, "The field Idempotency-Key is missing."),
    "idempotency.key": (400, "The Idempotency-Key has a form that is not accepted."),
    "token.in_query": (400, "A token came in an address, where logs may keep it."),
    "token.missing": (401, "There is neither a token nor a session."),
    "token.malformed": (401, "The token is not whole."),
    "token.wrong": (401, "There is no such token."),
    "token.ended": (401, "The token has ended."),
    "token.revoked": (401, "The token was revoked."),
    "access.role": (403, "The caller's role may not do this."),
    "access.site": (403, "The caller has no role at this site, or there is no such site."),
    "access.people_only": (403, "Only a person who signed in may do this."),
    "access.origin": (403, "A page of another origin caused the request."),
    "address.not_found": (404, "Nothing exists at this address."),
    "site.not_found": (404, "There is no such site."),
    "release.not_found": (404, "There is no such release."),
    "rotation.not_found": (404, "There is no such rotation, or none is open."),
    "device.not_found": (404, "No such device was ever seen or added."),
    "idempotency.in_progress": (409, "The same request is being carried out now."),
    "precondition.failed": (412, "What the caller has seen has changed since then."),
    "request.too_large": (413, "The body is too large."),
    "request.media_type": (415, "The body is not sent as application/json."),
    "host.not_listed": (421, "The server does not answer for this host."),
    "request.invalid": (422, "The body is JSON of another shape. The field errors says where."),
    "reason.too_long": (422, "The reason is too long."),
    "reason.control_character": (422, "The reason has a control character, or one that nobody sees."),
    "reason.token": (422, "The reason holds a token. Everybody may read the audit log, so it is not kept."),
    "reason.secret": (422, "The reason holds a private key or a sign-in link."),
    "reason.missing": (422, "A reason is needed."),
    "idempotency.other_body": (422, "The Idempotency-Key was sent with another body."),
    "precondition.missing": (428, "A change needs the field If-Match."),
    "server.defect": (500, "A defect of ours. The log of the operators' instance has more."),
    "store.not_usable": (503, "The database does not answer. Devices are served anyway."),
    "server.busy": (503, "Too many requests wait already."),
    "release.exists": (409, "The chain is already a release of the site."),
    "release.refused": (422, "The release has errors, so it cannot go live."),
    "override.unknown": (422, "The release has no error of a code in overrides."),
    "override.no_reason": (422, "The reason of an override is blank."),
    "release.nothing_before": (409, "There is no release to go back to."),
    "release.changed": (409, "Somebody else changed what is served at the same time."),
    "release.in_rotation": (409, "A rotation may still need the release."),
    "rotation.open": (409, "A rotation is open and decides what is served."),
    "rotation.changed": (409, "Somebody else advanced or ended the rotation at the same time."),
    "rotation.ended": (409, "The rotation has ended, or another one is open now."),
    "rotation.preparing": (409, "The rotation is not prepared yet. The request that started it finishes that."),
    "rotation.not_due": (409, "Nothing is due at the site, and no way was named."),
    "rotation.no_list": (409, "Only listed devices should count, but the site has no list."),
    "rotation.other_way": (422, "The chains that were sent are of another way than the one that was named."),
    "rotation.not_new": (422, "One of the chains that were sent is served already."),
    "rotation.unproven": (422, "The chains do not do what the way promises, so the rotation was ended."),
    "authority.missing": (409, "The private key that the way needs is not on the server."),
    "chain.too_long": (422, "A chain would not fit into a device."),
    "approval.missing": (422, "The site needs a second person for this."),
    "approval.same_person": (422, "Who started the rotation cannot approve this step."),
    "approval.given": (409, "This person has approved the step already, and another one is needed."),
    "approval.nobody": (422, "The caller's name is nobody in particular, and a second person is needed."),
    "release.current": (409, "The release is served now."),
    "release.served": (409, "The release was served once, so devices may know it."),
    "release.retired": (409, "The key of the release is destroyed."),
    "host.invalid": (422, "A host is neither a DNS name nor an IP address."),
    "host.taken": (409, "A host belongs to another site."),
    "host.too_long": (422, "A host makes an address that is too long for devices."),
    "evidence.no_token_seen": (422, "No device of the site has ever sent a valid token."),
    "doors.fail": (422, "Doors would refuse TLS. Send accept_failing_doors to go on."),
    "certificate.invalid": (422, "What was sent holds no usable chain."),
    "content.empty": (422, "What was sent is empty."),
    "content.cut_off": (422, "What was sent is cut off."),
    "content.key_alone": (422, "A private key was sent without certificates."),
    "content.keystore": (422, "A kind of key store was sent that is not read here."),
    "content.no_certificate": (422, "What was sent holds no certificate."),
    "content.several_chains": (422, "More than one chain was sent."),
    "content.request": (422, "A certificate request was sent in place of a certificate."),
    "content.revocation_list": (422, "A revocation list was sent in place of a certificate."),
    "content.too_dear": (422, "To open what was sent takes too much time or memory."),
    "content.web_page": (422, "A web page was sent in place of a certificate."),
    "private_key.invalid": (422, "The private key is missing, locked or of another kind."),
    "private_key.sent": (422, "A private key was sent where none is needed."),
    "passphrase.missing": (422, "A passphrase is needed."),
    "passphrase.wrong": (422, "The passphrase does not open it."),
    "device.conflict": (409, "A device belongs to another site."),
    "device.too_long": (413, "The file would be too long to be read again."),
    "database.not_found": (404, "This host has no database for the device."),
    "configuration.not_found": (404, "This host has no configuration for the device."),
    "database.not_newer": (422, "The device would never ask for the database: nxtDbVerTS must be greater."),
    "database.harmful": (422, "The database would harm the device, such as lock its door for good."),
    "configuration.invalid": (422, "The configuration is no JSON object."),
    "device_files.damaged": (409, "A file of the device on this host cannot be read as what it should be."),
    "uploads.forgotten": (410, "The host no longer knows which uploads followed the cursor. Begin again without one."),
    "lock.busy": (503, "Another process works on the same files."),
    "file.not_usable": (503, "A file of this host cannot be read or written."),
    "key.mismatch": (422, "The private key does not belong to the server certificate."),
}

OF_EVERY_ROUTE = ("request.parameters", "request.twice", "token.in_query", "host.not_listed", "server.defect")
OF_CALLERS = (
    "token.missing",
    "token.malformed",
    "token.wrong",
    "token.ended",
    "token.revoked",
    "access.role",
    "store.not_usable",
)
OF_BODIES = ("request.json", "body.invalid", "request.too_large", "request.media_type", "request.invalid")
OF_KEYS = ("idempotency.missing", "idempotency.key", "idempotency.in_progress", "idempotency.other_body")
OF_REASONS = ("reason.too_long", "reason.control_character", "reason.token", "reason.secret")
OF_CHAINS = (
    "certificate.invalid",
    "content.empty",
    "content.cut_off",
    "content.key_alone",
    "content.keystore",
    "content.no_certificate",
    "content.several_chains",
    "content.request",
    "content.revocation_list",
    "content.too_dear",
    "content.web_page",
    "private_key.invalid",
    "passphrase.missing",
    "passphrase.wrong",
    "key.mismatch",
)
OF_SERVING = ("release.refused", "override.unknown", "override.no_reason", "doors.fail")
OF_FILES = ("lock.busy", "file.not_usable")
OF_CHANGES = ("precondition.missing", "precondition.failed")


class FaultJson(Shape):
    """A field that is not accepted."""

    pointer: str
    """Where it is in the body, as a JSON pointer (RFC 6901). In a query: the name of the parameter."""
    sentence: str
    """What is wrong with it, for people."""


class ProblemJson(Shape):
    """What went wrong, in the form of RFC 9457. ``code`` is stable; the sentences are for people."""

    type: str
    """Always ``about:blank``: the field ``code`` says more."""
    title: str
    """The name of the status."""
    status: int
    """The status, once more."""
    detail: str
    """What happened, in a sentence for people. It may hold names that the caller sent."""
    code: str
    """What happened, for programs. Codes stay, and more may be added."""
    next_step: str
    """What to do now, for people."""
    errors: NotRequired[list[FaultJson]]
    """Each field that is not accepted. Only problems of the form of a request have it."""
    release: NotRequired[int]
    """The number of the release that a chain is already. Only the problem ``release.exists`` has it."""
