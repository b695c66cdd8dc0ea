"""What a file can be that an import refuses as a whole. Nothing is written when one is raised."""

from protocols.errors import BadInput


class UnknownColumn(BadInput, code="unknown-column"):
    """A column that was named is not in the file, or a needed one cannot be guessed."""


class EmptyFile(BadInput, code="empty-file"):
    """A file without a single row."""


class UnreadableFile(BadInput, code="unreadable-file"):
    """A path that is missing, or is neither Parquet nor CSV."""


class NothingKept(BadInput, code="nothing-kept"):
    """Every row was rejected: most likely the mapping is wrong."""


class DiskFull(BadInput, code="disk-full", status=507):
    """The disk has no room for the import."""
