"""The tables that no copy holds."""

# They are about processes and moments that are over when a copy is used:
#   workers      A worker reports again within a second. The row of one that is gone looks like a fault.
#   key_holders  The same holds for whoever has the key-encryption key: a change of it waits for each that is listed.
#   sign_ins     Whoever was signed in then signs in again. A session that was ended must not live again.
#   invitations  A link that was used, or withdrawn, must not work again. It is valid for minutes: make another.
#   attempts     Failed sign-ins of the last minutes.
LEFT_OUT = frozenset({"workers", "key_holders", "sign_ins", "invitations", "attempts"})
