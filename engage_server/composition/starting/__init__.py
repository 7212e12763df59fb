"""How a process that serves devices starts: also while its database is away."""
