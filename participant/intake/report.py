"""What an import says about itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeReport:
    """Counts of one import; times are unix seconds (UTC).

    ``rows_read == kept + already_stored + excluded + sum(rejected.values())`` always holds.
    ``unmapped_share`` is the share of accepted rows whose item has no concept (or none of the
    vocabulary, where one was given): they stay local. ``repeated`` says that the same files were
    imported before and nothing was written.
    """

    rows_read: int
    kept: int
    already_stored: int
    excluded: int
    rejected: Mapping[str, int]
    rejected_file: Path | None
    customers: int
    items: int
    unmapped_share: float
    first: int
    last: int
    dry_run: bool
    repeated: bool

    @property
    def summary(self) -> str:
        """One sentence for the terminal."""
        refused = sum(self.rejected.values())
        where = f" (see {self.rejected_file})" if self.rejected_file and refused else ""
        return (
            f"{self.rows_read:,} rows read: {self.kept:,} kept, {self.already_stored:,} stored before, "
            f"{self.excluded:,} in excluded categories, {refused:,} rejected{where}; "
            f"{self.customers:,} customers, {self.items:,} items, "
            f"{self.unmapped_share:.1%} of rows without a shared concept"
        )
