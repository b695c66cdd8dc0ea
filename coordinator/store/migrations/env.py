"""Alembic's entry; importing the tables puts them on the metadata."""

from coordinator.store import member_tables, round_tables
from coordinator.store.metadata import metadata
from protocols.service.migrations import run_env

REGISTERED = (member_tables, round_tables)

run_env(metadata)
