"""The tables that no copy holds."""

# They are about processes and moments that are over when a copy is used:
#   workers      A worker reports again within a second. The row of one that is gone looks like a fault.
#   switches     The moments are over. Workers on the copy agree on the next ones.
#   sign_ins     Whoever was signed in then signs in again. A session that was ended must not live again.
#   invitations  A link that was used, or withdrawn, must not work again. It is valid for minutes: make another.
#   attempts     Failed sign-ins of the last minutes.
#   host_spools  A host says again within seconds what waits there.
#   key_holders  A process reports its key again within minutes. A change of the key would wait for one that is gone.
LEFT_OUT = frozenset({"workers", "switches", "sign_ins", "invitations", "attempts", "key_holders", "host_spools"})
