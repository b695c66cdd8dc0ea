"""The one SQLAlchemy MetaData on which all tables of a node are declared."""

from protocols.service.migrations import new_metadata

metadata = new_metadata()
