"""What this company saw of the others' advertisements, so that it can attest it after their restore.

One small file: for each member the counters and answers of its newest advertisements, and the newest of them as
it was signed. It holds nothing of a customer and nothing secret.
"""

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from protocols.codec import decode, encode
from protocols.identity import IdentityKey, PartnerId, Signed
from protocols.messages import Advertisement
from protocols.restoring import ANSWERS_MAX, Attestation
from protocols.service import durable


class Seen(TypedDict):
    """Counters with the ids (hex) of the answers that were advertised under them, in order; the newest signed."""

    answers: list[tuple[int, str]]
    newest: str


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
            for signed in ads:
                ad = decode(Advertisement, signed.body)
                seen = known.setdefault(ad.sender.hex(), Seen(answers=[], newest=""))
                highest = max((counter for counter, _ in seen["answers"]), default=0)
                lines = {(counter, answer) for counter, answer in seen["answers"]}
                lines.add((ad.counter, answer_id.hex()))
                seen["answers"] = sorted(lines)[-ANSWERS_MAX:]
                if ad.counter > highest:
                    seen["newest"] = encode(signed).hex()
            text = json.dumps(known)
            if text != before:
                durable.write(self._path, [text.encode("ascii")])

    def attest(
        self,
        me: PartnerId,
        key: IdentityKey,
        *,
        consortium: bytes,
        subject: PartnerId,
        challenge: bytes,
        height: int,
    ) -> Signed:
        """What was seen of ``subject``, signed for its challenge; ``height`` is that of the roster in force."""
        seen = self._read().get(subject.hex(), Seen(answers=[], newest=""))
        newest = decode(Signed, bytes.fromhex(seen["newest"])) if seen["newest"] else None
        return key.sign(
            me,
            Attestation(
                consortium=consortium,
                sender=me,
                subject=subject,
                challenge=challenge,
                height=height,
                newest=() if newest is None else (newest,),
                answers=tuple(dict.fromkeys(bytes.fromhex(answer) for _, answer in seen["answers"])),
            ),
        )

    def _read(self) -> dict[str, Seen]:
        if not self._path.exists():
            return {}
        found: dict[str, Seen | list[tuple[int, str]]] = json.loads(self._path.read_text(encoding="ascii"))
        return {
            member: Seen(answers=seen, newest="") if isinstance(seen, list) else seen  # as it was before 0.1
            for member, seen in found.items()
        }
