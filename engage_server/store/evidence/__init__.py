"""What devices did, and what the gate and operators ask about it, in SQL. In the caller's transaction."""
