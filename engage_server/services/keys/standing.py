"""What is known of the installation's keys: which is in force, what it opens, and how far a change of it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from engage_server.records import AcceptedKey, KeyHolder, KeyRotation, SealedValues

ROTATE = "engage key rotate"
STARTS_ALONE = "serve https: "  # how the place of a holder begins that reads the key only when it starts
_CREDENTIALS = "/run/credentials/"


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """The keys, as the process that asks sees them.

    Attributes:
        key_id: The id of the key-encryption key that this process is given.
        source: Where it comes from.
        mode: The mode of its file, such as ``0600``. "" if it comes from elsewhere.
        owner: The owner of its file. "" if it comes from elsewhere.
        trouble: Why it does not open the installation key. "" if it does.
        accepted: The keys that open the installation key.
        sealed: What it opens. None if it does not open the installation key.
        release_key: "opens", or why the exported release key of this host does not. "" if it has none.
        holders: The processes that need the key.
        rotation: The change of the key that is not over.
        left_over: Files of an earlier change, which should be removed.
    """

    key_id: str
    source: str
    mode: str
    owner: str
    trouble: str
    accepted: Sequence[AcceptedKey]
    sealed: SealedValues | None
    release_key: str
    holders: Sequence[KeyHolder]
    rotation: KeyRotation | None
    left_over: Sequence[str]

    @property
    def is_well(self) -> bool:
        """Whether everything opens."""
        opens = self.sealed is not None and not self.sealed.broken
        return opens and self.release_key in ("", OPENS) and not self.stale

    @property
    def stale(self) -> tuple[KeyHolder, ...]:
        """The holders whose key opens nothing now, or will not when the change is over."""
        accepted = {each.key_id for each in self.accepted}
        return tuple(each for each in self.holders if each.trouble or each.key_id not in accepted)

    @property
    def missing(self) -> tuple[KeyHolder, ...]:
        """The holders that a change of the key waits for."""
        rotation = self.rotation
        return () if rotation is None or rotation.is_decided else rotation.missing(self.holders)

    @property
    def next_step(self) -> str:
        """What to do now. "" for nothing."""
        if self.trouble:
            return "give this process the key of this installation. After 'engage key rotate', that is the new one"
        if self.sealed is not None and self.sealed.broken:
            return "restore what does not open from a backup of the database"
        if self.missing:
            return f"{what_to_do(self.missing[0])}. Then: {ROTATE}"
        if self.rotation is not None:
            return ROTATE
        if self.stale:
            return what_to_do(self.stale[0])
        if self.release_key not in ("", OPENS):
            return "engage key export-release-key FILE, on a host with the key-encryption key"
        return f"remove {self.left_over[0]}" if self.left_over else ""


OPENS = "opens"


def what_to_do(holder: KeyHolder) -> str:
    """What gives a holder the new key, in one sentence without a full stop."""
    where = f"on {holder.host}"
    kind, _, name = holder.source.partition(" ")
    if holder.place.startswith(STARTS_ALONE):
        return f"{where}: give 'engage serve https' the new key, or better an exported release key, and restart it"
    if kind == "environment":
        return f"{where}: put the new key into {name}, and restart 'engage serve'"
    if kind == "command":
        return f"{where}: let the command {name} print the new key"
    if name.startswith(_CREDENTIALS):
        return f"{where}: put the new key into the file that the unit loads as a credential, and restart the unit"
    return f"{where}: copy the new key over {name}, with mode 0600"
