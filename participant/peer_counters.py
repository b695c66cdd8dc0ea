"""What this company saw of the others' advertisements, so that it can attest it after their restore.

One small file: for each member the counters and answers of its newest advertisements. It holds nothing of
a customer and nothing secret; each line was signed by the member that it is about.
"""

import json
import threading
from collections.abc import Sequence
from pathlib import Path

from protocols.codec import decode
from protocols.identity import IdentityKey, PartnerId, Signed
from protocols.messages import Advertisement
from protocols.restoring import ANSWERS_MAX, Attestation
from protocols.service import durable

Seen = list[tuple[int, str]]
"""Counters with the ids (hex) of the answers that were advertised under them, in order."""


class PeerCounters:
    """The file of one node."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def note(self, ads: Sequence[Signed], answer_id: bytes) -> None:
        """Keep what verified advertisements for ``answer_id`` say; the same again changes nothing.

        Raises:
            StorageFull: the file stays as it was.
        """
        with self._lock:
            known = self._read()
            before = json.dumps(known)
            for ad in (decode(Advertisement, signed.body) for signed in ads):
                lines = {(counter, answer) for counter, answer in known.get(ad.sender.hex(), [])}
                lines.add((ad.counter, answer_id.hex()))
                known[ad.sender.hex()] = sorted(lines)[-ANSWERS_MAX:]
            text = json.dumps(known)
            if text != before:
                durable.write(self._path, [text.encode("ascii")])

    def attest(
        self, me: PartnerId, key: IdentityKey, *, consortium: bytes, subject: PartnerId, challenge: bytes
    ) -> Signed:
        """What was seen of ``subject``, signed for its challenge; counter 0 where nothing was."""
        lines = self._read().get(subject.hex(), [])
        return key.sign(
            me,
            Attestation(
                consortium=consortium,
                sender=me,
                subject=subject,
                challenge=challenge,
                counter=max((counter for counter, _ in lines), default=0),
                answers=tuple(dict.fromkeys(bytes.fromhex(answer) for _, answer in lines)),
            ),
        )

    def _read(self) -> dict[str, Seen]:
        if not self._path.exists():
            return {}
        found: dict[str, Seen] = json.loads(self._path.read_text(encoding="ascii"))
        return found
