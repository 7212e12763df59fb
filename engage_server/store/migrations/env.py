"""Alembic's entry point: runs the migrations on the caller's connection, in the caller's transaction."""

from alembic import context

from engage_server.store.partial_indexes import whole_schema

context.configure(connection=context.config.attributes["connection"], target_metadata=whole_schema)
context.run_migrations()
