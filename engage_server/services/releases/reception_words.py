"""Says which doors would refuse a release, in the words that every face uses."""

from engage_server.services.releases.reception import Reception


def sentence_of(reception: Reception, verb: str) -> str:
    """Which doors fail TLS with a release, and what they then do.

    Args:
        reception: How the doors respond to it.
        verb: ``refuse`` for what is served, ``would refuse`` for what may be.
    """
    if not reception.refuse:
        hosts = " ".join(map(str, reception.unanswered))
        return (
            f"{reception.site}: the certificate of release {reception.release} is not for {hosts}. Doors that call it "
            f"{verb} TLS."
        )
    named = ", ".join(each.title for each in reception.refusing)
    doubt = f"\n  {_doors(reception.may_refuse)} more may refuse it" if reception.may_refuse else ""
    more = reception.refuse - len(reception.refusing)
    return (
        f"{reception.site}: {reception.refuse} of {_doors(reception.devices)} {verb} {_served(reception)}. "
        f"{reception.then}\n"
        f"  {named}{f' and {more} more' if more > 0 else ''}{doubt}"
    )


def _served(reception: Reception) -> str:
    return f"release {reception.release}" if reception.release else "a chain under a new root"


def _doors(count: int) -> str:
    return "1 door" if count == 1 else f"{count} doors"
