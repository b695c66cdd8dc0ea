"""What this company found when it looked at released sums: one small file a release, never overwritten by less.

Beside the file of a wrong sum lies what proves it: the coordinator's signed release and the signed messages
of the round, as they came. Beside that of a disputed one lie the release and the messages of the linear check
that it did not pass. The folder is no secret and holds nothing of a customer.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from protocols.service import durable


class Outcome(StrEnum):
    """What looking at a sum ended with."""

    VERIFIED = "verified"
    CHECKED = "checked"
    UNVERIFIED = "unverified"
    DISPUTED = "disputed"
    WRONG = "wrong"

    @property
    def words(self) -> str:
        """What was done, for people."""
        return _WORDS[self]


_WORDS = {
    Outcome.VERIFIED: "verified: recomputed here from the masked vectors",
    Outcome.CHECKED: "the linear check passed; not recomputed",
    Outcome.UNVERIFIED: "unverified: nobody here has looked at the numbers",
    Outcome.DISPUTED: "disputed: it did not pass the linear check, and is not used",
    Outcome.WRONG: "wrong: recomputed here, and never used",
}
_SAYS = {
    Outcome.UNVERIFIED: 0,
    Outcome.CHECKED: 1,
    Outcome.DISPUTED: 1,
    Outcome.VERIFIED: 2,
    Outcome.WRONG: 2,
}
"""How much an outcome says: recomputing says most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """On one release (``release`` in hex); ``reason`` is a sentence for the officer, ``at`` unix seconds."""

    release: str
    round: int
    attempt: int
    outcome: Outcome
    reason: str
    at: int


class Verdicts:
    """The folder of verdicts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, release: bytes) -> Verdict | None:
        """The verdict on a release, or None before there is one."""
        path = self._path(release.hex())
        return _read(path) if path.is_file() else None

    def all(self) -> tuple[Verdict, ...]:
        """Every verdict, oldest round first."""
        found = (_read(path) for path in sorted(self._folder.glob("*.json")))
        return tuple(sorted(found, key=lambda each: (each.round, each.attempt)))

    def keep(self, verdict: Verdict, evidence: bytes = b"") -> Verdict:
        """Record a verdict; an earlier one that says as much or more stays. Returns what stands.

        Raises:
            StorageFull: nothing half-written remains.
        """
        earlier = self.find(bytes.fromhex(verdict.release))
        if earlier is not None and _SAYS[earlier.outcome] >= max(1, _SAYS[verdict.outcome]):
            return earlier
        if evidence:
            durable.write(self.evidence(verdict), [evidence])
        text = json.dumps(asdict(verdict), indent=1) + "\n"
        durable.write(self._path(verdict.release), [text.encode()])
        return verdict

    def evidence(self, verdict: Verdict) -> Path:
        """Where the proof of a wrong sum lies, or what is left of a disputed one."""
        return self._folder / f"{verdict.release}.evidence"

    def _path(self, release: str) -> Path:
        return self._folder / f"{release}.json"


def _read(path: Path) -> Verdict:
    found = json.loads(path.read_text(encoding="utf-8"))
    return Verdict(**(found | {"outcome": Outcome(found["outcome"])}))
