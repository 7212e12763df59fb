"""Why a sign-in at the provider is refused. The codes are stable; no sentence holds a token, a code or a state."""

from engage_server.errors import NotPossible, Refused

_AGAIN = "Start again on the page to sign in."
_CLOCK = "Start again. If it stays so, set the clocks of this host and of the provider."
_PROVIDER = "Start again. If it stays so, ask those who run the provider."

# code -> what happened, what to do
_SENTENCES: dict[str, tuple[str, str]] = {
    "openid.state": ("the answer of the provider belongs to no sign-in of this browser", _AGAIN),
    "openid.late": ("signing in at the provider took more than ten minutes", _AGAIN),
    "openid.replayed": ("the answer of the provider was used already", _AGAIN),
    "openid.denied": ("the provider refused to sign you in", _PROVIDER),
    "openid.code": ("the provider does not accept its own answer any more", _AGAIN),
    "openid.malformed": ("the provider's token cannot be read", _PROVIDER),
    "openid.algorithm": ("the provider's token is not signed as we demand", "Use RS256, PS256 or ES256 there."),
    "openid.key": ("the provider's token is signed with a key that the provider does not publish", _PROVIDER),
    "openid.signature": ("the signature of the provider's token is wrong", _PROVIDER),
    "openid.issuer": ("the token is of another provider", _PROVIDER),
    "openid.audience": ("the token is for another application", _PROVIDER),
    "openid.party": ("the token was given to another application", _PROVIDER),
    "openid.nonce": ("the token belongs to another sign-in", _AGAIN),
    "openid.expired": ("the token is no longer valid", _CLOCK),
    "openid.not_yet": ("the token is not valid yet", _CLOCK),
    "openid.no_group": ("none of your groups at the provider may sign in here", "Ask an admin for one that may."),
    "openid.locked": ("you may not sign in here at present", "Ask an admin."),
    "openid.name": ("the provider gives no name that can be used here", "Ask an admin to add you by hand."),
    "openid.name_taken": (
        "your name belongs to somebody here who is not connected with the provider",
        "If it is you, ask an admin to connect the two.",
    ),
    "openid.last_admin": (
        "your groups would make you less than admin, and you are the last admin with a password",
        "Ask for another admin with a password first.",
    ),
}


def refused(code: str) -> Refused:
    """Return the error for a code."""
    return Refused(*_SENTENCES[code], code=code)


def away(why: str) -> NotPossible:
    """Return the error for a provider that cannot be used now.

    Args:
        why: For the log. The page does not show it: a stranger reads that.
    """
    return NotPossible(
        f"the OpenID provider cannot be used now: {why}",
        "Sign in with a password, or try again later.",
        code="openid.unavailable",
    )
