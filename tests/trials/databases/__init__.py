"""The database leg of a trial: two PostgreSQL servers, and who decides which of them can be written to."""
