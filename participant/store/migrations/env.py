"""Alembic's entry: run on the connection that protocols.service.migrations has opened."""

from alembic import context

from participant.store import exchange_tables, record_tables
from participant.store.metadata import metadata

REGISTERED = (exchange_tables, record_tables)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
