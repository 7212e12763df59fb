"""Alembic's entry: runs the migrations on the connection, and in the transaction, of the caller."""

from alembic import context

from engage_server.store.partial_indexes import whole_schema

context.configure(connection=context.config.attributes["connection"], target_metadata=whole_schema)
context.run_migrations()
