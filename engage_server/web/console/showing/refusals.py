"""What a page says after a refusal, where the service's own words are for the command line.

A test reads the words of every error and of every act. It fails if a page would name an option, a command for which a
page has a form, or the internal name of an act.
"""

from collections.abc import Callable, Mapping

from engage_server.errors import EngageError, NotPossible
from engage_server.web import problems
from engage_server.web.api.problem_codes import PROBLEM_CODES

_SENT = "-: "  # how the services call what was sent along
_LOOK_AGAIN = "Look at the page as it is now, and decide again."
_ON_ROTATION = "See it on the page Rotation. Wait until it is done, or go back there."
_WHERE_KEYS_ARE = "where the authority's keys are: engage chain renew"  # the console has no keys of an authority
_CHOOSE_CHAIN = "Choose the files of one chain: PEM files together, or one PKCS#12 file."

NEXT_STEPS: Mapping[str, str] = {
    "access.command_line_only": "Ask somebody who has a shell on the server.",
    "access.people_only": "Sign in, and do it there.",
    "access.site": "Ask an admin for a role there.",
    "approval.missing": "Ask another person to do it. Or start a rotation, which they can approve.",
    "approval.nobody": "Sign in under your own name.",
    "approval.same_person": "Ask somebody else to approve it.",
    "authority.missing": "Build the chains where the authority's keys are, and send them. If keys on the server are "
    "encrypted, type the right passphrase.",
    "certificate.invalid": f"{_CHOOSE_CHAIN} If one is damaged, copy it again, or have it issued again.",
    "content.key_alone": _CHOOSE_CHAIN,
    "content.no_certificate": f"{_CHOOSE_CHAIN} Unpack an archive first.",
    "content.request": "Choose the certificate that the CA issued for it.",
    "content.revocation_list": "Choose the certificates of the chain.",
    "device.conflict": "A door has the key of one site. If it was commissioned again, remove it from the other one.",
    "device_files.damaged": "Put it again.",
    "device.not_found": "Look for it on the page Doors. If it is not there, add it.",
    "device.several_sites": "Open its page at one of these sites.",
    "doors.fail": "Nothing was changed. To do it anyway, type the name of the site into the form.",
    "host.too_long": "Write a shorter name or an address first. The long one can follow.",
    "override.no_reason": "Say why you accept it.",
    "override.unknown": "Look at the errors on the page of the release.",
    "passphrase.missing": "Type the passphrase, and choose the files again.",
    "passphrase.wrong": "Type the right passphrase, and choose the files again. A damaged file gives the same error.",
    "person.exists": "Choose the person in the list, and make a new link.",
    "person.not_found": "Look at the list of people as it is now.",
    "private_key.invalid": "Choose the server's RSA key together with its certificates. If it is encrypted, type its "
    "passphrase.",
    "private_key.sent": "Choose the certificates alone. To have the key compared, add the chain as a release.",
    "reason.missing": "Say why, and send the form again.",
    "reason.token": "Name the token instead. Revoke it on the page Tokens, because somebody may have read it.",
    "release.changed": f"Nothing was changed. {_LOOK_AGAIN}",
    "release.exists": "See it on the page Releases.",
    "release.in_rotation": _ON_ROTATION,
    "release.not_found": "Look at the page Releases. If there is none yet, add and activate one.",
    "release.nothing_before": "It needs one that was served before and still has its key: see the page Releases.",
    "release.refused": "Add a release without these errors. Or say on the page of the release why you accept each. "
    "An open rotation has to end before.",
    "release.served": "When it is no longer served, destroy its key on its page.",
    "rotation.changed": f"Nothing was done. {_LOOK_AGAIN}",
    "rotation.ended": "See on the page Rotation why, and what is possible now.",
    "rotation.no_list": "Add the doors on the page Doors first. Or count all doors: untick the box.",
    "rotation.not_due": "To rotate anyway, choose a way.",
    "rotation.not_found": "Look at the page Rotation: it may have ended.",
    "rotation.not_new": f"Build new chains {_WHERE_KEYS_ARE}",
    "rotation.open": _ON_ROTATION,
    "rotation.other_way": f"Choose the right chains. Or build them again {_WHERE_KEYS_ARE}",
    "rotation.preparing": "Finish the preparation on the page Rotation, or end the rotation there.",
    "rotation.unproven": "Choose another way.",
    "site.not_found": "Choose a site on Tonight.",
    "token.days": "Write fewer days, such as 90.",
    "token.not_found": "Look at the list of tokens as it is now.",
}

FIXES: Mapping[str, str] = {
    "content.key_alone": "Choose the certificates, too.",
    "content.request": "Choose the certificate that the CA issued for it.",
    "content.revocation_list": "Choose the certificates of the chain.",
    "key.locked": "Type the passphrase of the key, and choose the files again.",
    "passphrase.missing": "Type the passphrase, and choose the files again.",
    "path.incomplete": "Choose all certificates of the chain, with the root.",
    "path.self_signed": "Build a chain, and choose its certificates.",
    "validity.just_begun": "Wait a day before activating.",
}
"""What to do about a finding, where the check's own words are for the command line."""

LABELS: Mapping[str, str] = {
    "chains": "Files of the chain",
    "hosts": "Hosts",
    "max_lost": "Lost doors, above which it goes back by itself",
    "max_lost_percent": "Lost doors in percent",
    "max_missing": "Doors that may be missing at a step",
    "max_missing_percent": "Missing doors in percent",
    "name": "Name",
    "passphrase": "Passphrase",
    "pem": "Certificates",
    "place": "Place",
    "profile": "Kind of device",
    "reason": "Reason",
    "site": "Site",
    "soak_hours": "Hours that each step lasts at least",
    "time_zone": "Time zone",
    "title": "Title",
    "way": "Way",
}
"""What the forms call the fields of a body. Templates ask here, so that a refusal names what stands on the page."""


def refusal_words(error: EngageError, may_see: Callable[[str], bool] = lambda site: False) -> tuple[str, str]:
    """What happened, and what to do next. Paths and addresses of this host are left out: they are in the log.

    Args:
        error: Why something was refused.
        may_see: Whether the reader may see a site. Another one is not named to them.
    """
    if isinstance(error, NotPossible):
        if error.code in NEXT_STEPS:
            return PROBLEM_CODES[error.code][1], NEXT_STEPS[error.code]
        return problems.NOT_POSSIBLE, problems.NOT_POSSIBLE_NEXT
    if error.other_site and not may_see(error.other_site):
        return PROBLEM_CODES[error.code][1], "Ask an admin who may see all sites."
    sentence = error.sentence
    if sentence.startswith(_SENT):
        sentence = f"What was sent: {sentence.removeprefix(_SENT)}"
    return sentence, NEXT_STEPS.get(error.code, error.next_step)


def fix_words(code: str, fix: str) -> str:
    """What to do about a finding, for a reader of pages."""
    return FIXES.get(code, fix)


def label_of(pointer: str) -> str:
    """What a form calls the field at a JSON pointer, in quotation marks."""
    first, *rest = pointer.strip("/").split("/")
    words = LABELS.get(first) or " ".join((first, *rest)).replace("_", " ")
    return f"'{words[:1].upper()}{words[1:]}'" if words else "The form"
