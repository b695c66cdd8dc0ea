"""Alembic's entry; importing the tables puts them on the metadata."""

from participant.store import exchange_tables, record_tables
from participant.store.metadata import metadata
from protocols.service.migrations import run_env

REGISTERED = (exchange_tables, record_tables)

run_env(metadata)
