"""Writes ``vectors/submissions.json`` and ``attempt_hybrid.json`` again, after a format was changed on purpose.

    python -m tests.protocols.secure_sum.pinning

One attempt of four members, the last of which falls silent before MaskedInput, from fixed randomness; and what
the first of them might have sent instead. Say in the changelog why the bytes changed.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.codec import decode, digest, encode, tagged_hash
from protocols.identity import Signed
from protocols.messages import (
    HYBRID,
    Advertisement,
    Confirmation,
    InputHeader,
    Phase,
    SealedShare,
    UnmaskAnswer,
)
from protocols.secure_sum.transcript import members_hash
from protocols.together import text_of_one
from tests.protocols.secure_sum.stage import SEED, Stage
from tests.protocols.vector_files import VECTORS

SOURCE = (
    "One attempt of four members of which the last falls silent before MaskedInput, as this implementation "
    "played it from fixed randomness (tests/protocols/secure_sum/pinning.py). It pins every message to the byte. "
    "Names that start with bad_ must be refused with the code given."
)
HYBRID_SOURCE = (
    "One attempt of four members in suite 2, of which the last falls silent before MaskedInput, as this "
    "implementation played it from fixed randomness, with ML-KEM.Encaps_internal of tests/protocols/ml_kem.py. "
    "SHA-256 of every signed message. Written by tests/protocols/secure_sum/pinning.py."
)
ZERO = bytes(32)

Operation = dict[str, str]


class Pinning:
    """The stage, and operations on it: a name, who submits what in which phase, and the expected error."""

    def __init__(self) -> None:
        self.stage = Stage(4).advertise().share().mask(range(3)).confirm(range(3)).unmask(range(3))

    def operation(
        self,
        name: str,
        phase: Phase,
        items: list[Signed],
        error: str = "",
        *,
        by: int = 0,
        attempt: int = 1,
        said: Phase | None = None,
    ) -> Operation:
        """One operation; ``said`` is the phase that the submission itself names."""
        submission = replace(self.stage.submission(said or phase, items), attempt=attempt)
        made = {
            "name": name,
            "phase": phase.value,
            "sender": self.stage.id(by).hex(),
            "submission": encode(submission).hex(),
        }
        return made | ({"error": error} if error else {})

    def operations(self) -> Iterator[Operation]:
        """All of them, in the order of the phases."""
        yield from self.advertisements()
        yield from self.bundles()
        yield from self.headers()
        yield from self.confirmations()
        yield from self.answers()

    def advertisements(self) -> Iterator[Operation]:
        stage, phase = self.stage, Phase.ADVERTISE
        ad, other = stage.ads[0], decode(Advertisement, stage.ads[1].body)

        def forged(**changes: object) -> list[Signed]:
            return [stage.forge(0, ad, Advertisement, **changes)]

        yield self.operation("advertisement", phase, [ad])
        unsigned = replace(ad, signature=ad.signature[:-1] + bytes([ad.signature[-1] ^ 1]))
        yield self.operation("bad_advertisement_signature", phase, [unsigned], "bad-signature")
        longer = _signed_bytes(stage, ad.body + b"!")
        yield self.operation("bad_advertisement_trailing_byte", phase, [longer], "malformed-message")
        yield self.operation("bad_advertisement_by_another", phase, [ad], "unknown-signer", by=1)
        posing = forged(sender=stage.id(1))
        yield self.operation("bad_advertisement_in_anothers_name", phase, posing, "unknown-signer")
        yield self.operation("bad_advertisement_low_order_key", phase, forged(mask_key=ZERO), "weak-key")
        large = forged(seal_key=b"\xff" * 32)
        yield self.operation("bad_advertisement_non_canonical_key", phase, large, "weak-key")
        copied = forged(seal_key=other.seal_key)
        yield self.operation("bad_advertisement_copied_key", phase, copied, "weak-key")
        elsewhere = forged(config=ZERO)
        yield self.operation("bad_advertisement_other_configuration", phase, elsewhere, "wrong-transcript")
        yield self.operation("bad_advertisement_twice", phase, [ad, ad], "wrong-members")
        yield self.operation("bad_advertisement_other_attempt", phase, [ad], "replayed-round", attempt=2)
        yield self.operation("bad_advertisement_as_a_header", Phase.MASK, [ad], "unknown-version")
        yield self.operation(
            "bad_advertisement_for_a_later_phase", phase, [ad], "illegal-move", said=Phase.SHARE
        )

    def bundles(self) -> Iterator[Operation]:
        stage, phase = self.stage, Phase.SHARE
        dealt = list(stage.bundles[0])
        first, *rest = dealt
        messages = [decode(SealedShare, each.body) for each in dealt]

        def forged(**changes: object) -> list[Signed]:
            return [*rest, stage.forge(0, first, SealedShare, **changes)]

        yield self.operation("bundles", phase, dealt)
        yield self.operation("bundles_in_another_order", phase, [*rest, first])
        alone = [stage.players[0].key.sign(stage.id(0), message) for message in messages]
        yield self.operation("bundles_signed_one_by_one", phase, alone)
        swapped = [replace(first, signature=rest[0].signature), *rest]
        yield self.operation("bad_bundles_signature_of_its_neighbour", phase, swapped, "bad-signature")
        cut = [replace(first, signature=first.signature[:-32]), *rest]
        yield self.operation("bad_bundles_signature_cut_short", phase, cut, "bad-signature")
        bare = [replace(first, signature=first.signature[:64]), *rest]
        yield self.operation("bad_bundles_signature_without_its_tail", phase, bare, "bad-signature")
        yield self.operation("bad_bundles_one_missing", phase, rest, "wrong-members")
        yield self.operation("bad_bundles_one_twice", phase, [*dealt, first], "wrong-members")
        oneself = forged(recipient=stage.id(0))
        yield self.operation("bad_bundles_to_oneself", phase, oneself, "wrong-members")
        elsewhere = forged(transcript=ZERO)
        yield self.operation("bad_bundles_other_transcript", phase, elsewhere, "wrong-transcript")
        yield self.operation("bad_bundles_short", phase, forged(sealed=b""), "bad-share")

    def headers(self) -> Iterator[Operation]:
        stage, phase = self.stage, Phase.MASK
        header = stage.headers[0]

        def forged(**changes: object) -> list[Signed]:
            return [stage.forge(0, header, InputHeader, **changes)]

        yield self.operation("header", phase, [header])
        yield self.operation("bad_header_other_members", phase, forged(members=ZERO), "wrong-transcript")
        yield self.operation("bad_header_other_length", phase, forged(elements=4), "wrong-transcript")

    def confirmations(self) -> Iterator[Operation]:
        stage, phase = self.stage, Phase.CHECK
        said = stage.confirmations[0]

        def forged(**changes: object) -> list[Signed]:
            return [stage.forge(0, said, Confirmation, **changes)]

        yield self.operation("confirmation", phase, [said])
        other = forged(survivors=ZERO)
        yield self.operation("bad_confirmation_other_survivors", phase, other, "wrong-transcript")
        yield self.operation("bad_confirmation_other_roots", phase, forged(roots=ZERO), "wrong-transcript")
        dropped = [stage.forge(3, said, Confirmation, sender=stage.id(3))]
        yield self.operation("bad_confirmation_by_a_dropped_member", phase, dropped, "wrong-members", by=3)

    def answers(self) -> Iterator[Operation]:
        stage, phase = self.stage, Phase.UNMASK
        answer = stage.answers[0]
        said = decode(UnmaskAnswer, answer.body)
        mine = said.self_shares[0]

        def forged(**changes: object) -> list[Signed]:
            return [stage.forge(0, answer, UnmaskAnswer, **changes)]

        yield self.operation("unmask_answer", phase, [answer])
        both = forged(key_shares=(*said.key_shares, mine))
        yield self.operation("bad_unmask_alive_and_dead", phase, both, "alive-and-dead")
        fewer = forged(self_shares=said.self_shares[1:])
        yield self.operation("bad_unmask_one_missing", phase, fewer, "wrong-members")
        keyless = forged(key_shares=())
        yield self.operation("bad_unmask_no_key_of_the_dropped", phase, keyless, "wrong-members")
        large = forged(self_shares=(replace(mine, share=b"\xff" * 32), *said.self_shares[1:]))
        yield self.operation("bad_unmask_share_not_below_the_prime", phase, large, "bad-share")
        other = forged(survivors=ZERO)
        yield self.operation("bad_unmask_other_survivors", phase, other, "wrong-transcript")

    def all(self) -> dict[str, object]:
        """The whole file."""
        stage, settled = self.stage, self.stage.settled()
        return {
            "source": SOURCE,
            "config": encode(stage.config).hex(),
            "config_hash": digest(stage.config).hex(),
            "roll": {member.hex(): key.hex() for member, key in stage.roll.items()},
            "ads": [encode(each).hex() for each in stage.ads],
            "u2": [member.hex() for member in settled.u2],
            "headers": [encode(each).hex() for each in stage.headers],
            "transcript": settled.transcript.hex(),
            "members": members_hash(settled.u2).hex(),
            "survivors": members_hash(settled.u3).hex(),
            "masked": [chunk.hex() for member in settled.u3 for chunk in stage.chunks[member]],
            "answers": [encode(each).hex() for each in stage.answers],
            "sum": stage.total().tolist(),
            "operations": list(self.operations()),
        }


def hybrid() -> dict[str, object]:
    """The same attempt in suite 2, by the hashes of its messages, which are longer."""
    stage = Stage(4, suite=HYBRID).advertise().share().mask(range(3)).confirm(range(3)).unmask(range(3))
    bundles = [item for items in stage.bundles.values() for item in items]
    sent = {"ads": stage.ads, "bundles": bundles, "headers": stage.headers, "answers": stage.answers}
    return {
        "source": HYBRID_SOURCE,
        "config_hash": digest(stage.config).hex(),
        "transcript": stage.settled().transcript.hex(),
        **{name: [sha256(encode(item)).hexdigest() for item in items] for name, items in sent.items()},
        "sum": stage.total().tolist(),
        "operations": [],
    }


def _signed_bytes(stage: Stage, body: bytes) -> Signed:
    """What no honest key signs: bytes that are no message."""
    key = Ed25519PrivateKey.from_private_bytes(tagged_hash("play-identity", SEED, bytes(8)))
    return Signed(signer=stage.id(0), body=body, signature=key.sign(text_of_one(stage.id(0), body)))


if __name__ == "__main__":
    for name, content in (("submissions", Pinning().all()), ("attempt_hybrid", hybrid())):
        (VECTORS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
