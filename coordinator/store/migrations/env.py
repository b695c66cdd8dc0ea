"""Alembic's entry: run on the connection that protocols.service.migrations has opened."""

from alembic import context

from coordinator.store import member_tables, round_tables
from coordinator.store.metadata import metadata

REGISTERED = (member_tables, round_tables)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
