"""What a caller of the API should do after a problem, where the service's own advice is for the command line.

A test reads the advice of every code in :mod:`.problem_codes`. It fails if one names an option without its command.
"""

from collections.abc import Mapping

from engage_server.errors import EngageError

_SEE_ROTATION = "See it: GET /sites/SITE/rotations. Then wait until it ends, or abort it."
_SEE_RELEASES = "See what there is: GET /sites/SITE/releases."
_FIRST_RELEASE = "If the site has none yet, stage and activate one."

NEXT_STEPS: Mapping[str, str] = {
    # not all sites are for this caller, so they are not listed here
    "site.not_found": "See the sites that you may see: GET /sites.",
    "store.not_usable": "Send it again later. The log of the operators' instance says why.",
    "release.not_found": f"{_SEE_RELEASES} {_FIRST_RELEASE}",
    "release.exists": "See it: GET /sites/SITE/releases/NUMBER. The field release has its number.",
    "release.refused": "Stage a chain without these errors. Or accept them: send overrides, each code with its reason.",
    "override.unknown": "See its findings: GET /sites/SITE/releases/NUMBER. Send codes of errors only.",
    "override.no_reason": "Send a reason for each code.",
    "content.several_chains": "Send one chain with its key.",
    "release.nothing_before": f"It needs a release that was served before and still has its key. {_SEE_RELEASES}",
    "release.in_rotation": _SEE_ROTATION,
    "release.served": "Retire it when it is no longer served. That destroys its key.",
    "release.changed": "Nothing was changed. Read it again, and decide again.",
    "rotation.open": _SEE_ROTATION,
    "rotation.not_found": "See the rotations: GET /sites/SITE/rotations.",
    "rotation.changed": "Read it again, and decide again.",
    "rotation.ended": "See why: GET /sites/SITE/rotations. To begin another one, send a new Idempotency-Key.",
    "rotation.preparing": "Send the request that started it again, with its Idempotency-Key. Or abort the rotation.",
    "rotation.not_due": "To rotate anyway, name the way. See the ways: GET /sites/SITE/rotation-plan.",
    "rotation.no_list": "Give the site a list of its devices first. Or leave out only_listed.",
    "rotation.other_way": "If these are the right chains, leave out the way. Otherwise build them again.",
    "rotation.not_new": "Build new chains where the keys are: engage chain renew.",
    "rotation.unproven": "See the other ways: GET /sites/SITE/rotation-plan.",
    "file.not_usable": "Somebody with a shell on the server has to fix that. Then send it again.",
    "authority.missing": "Build the chains where the keys are: engage chain renew. Then send them as chains. "
    "If the keys here are encrypted, send the right passphrase.",
    "approval.same_person": "Ask somebody else. On the server, one person can do it alone: engage rotate approve.",
    "approval.nobody": "Let a person do it who has signed in.",
    "approval.missing": "Let a rotation do it, which another person can approve.",
    "access.people_only": "Let a person do it who has signed in.",
    "evidence.no_token_seen": "The form of devices' tokens is an assumption. See which devices sent one: GET "
    "/sites/SITE/devices.",
    "device.not_found": "Name a serial number of 32 hexadecimal digits. See the devices: GET /sites/SITE/devices.",
    "device.too_long": "Send a shorter file.",
    "lock.busy": "Send it again later.",
    "reason.missing": "Send one in the field reason.",
    "passphrase.missing": "Send it in the field passphrase.",
    "passphrase.wrong": "Send the right one in the field passphrase.",
    "private_key.invalid": "Send the RSA key of the server certificate with the chain. If it is locked, send its "
    "passphrase, too.",
    "host.too_long": "Send a shorter host, or an address, as the first one. The long one can follow.",
}


def next_step_of(error: EngageError) -> str:
    """What a caller of the API should do now."""
    return NEXT_STEPS.get(error.code, error.next_step)
