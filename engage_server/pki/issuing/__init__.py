"""Issues certificates: a new authority, its renewals, and a rehearsal of both."""
