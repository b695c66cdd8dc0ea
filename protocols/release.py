"""A release: one sum with everything that gives it a meaning, hashed and signed by the coordinator.

The manifest names the configuration, the question, the survivors and the SHA-256 of the sum's bytes;
its digest is the release's id. The payload is a safetensors file with one int64 tensor, the lifted
sum in ring units; the file itself is not hashed, the numbers in it are. Every node reads its models
from the sum, so what is released is what is verified. Whether it was the *right* sum is not decided
here: a member that took part compares the manifest with what it signed (:func:`check_manifest`).
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load

from protocols.codec import digest
from protocols.errors import BadRelease, MalformedMessage, StaleRelease, TooLarge, UnknownSigner
from protocols.identity import COORDINATOR, PartnerId, Roll, Signed, open_signed
from protocols.limits import (
    COHORT_MIN,
    HASH_BYTES,
    ID_BYTES,
    NUMBER_MAX,
    REASON_CHARS,
    RELEASE_HEADER_BYTES,
)
from protocols.messages import AnswerSpec, RoundConfig

TENSOR: Final = "sum"
"""The one tensor of a payload."""

NO_RELEASE: Final = bytes(HASH_BYTES)
"""What the first release names as the one before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseManifest:
    """What a release is; ``survivors`` are those whose answers are in the sum, in roster order."""

    TAG: ClassVar[str] = "release"
    consortium: bytes
    round: int
    attempt: int
    config: bytes
    answer: AnswerSpec
    transcript: bytes
    survivors: tuple[PartnerId, ...]
    sum_sha256: bytes
    previous: bytes

    def __post_init__(self) -> None:
        _require(len(self.consortium) == ID_BYTES, "a consortium id", len(self.consortium))
        _require(max(self.round, self.attempt) <= NUMBER_MAX, f"numbers up to {NUMBER_MAX}", self.round)
        for what in ("config", "transcript", "sum_sha256", "previous"):
            size = len(getattr(self, what))
            _require(size == HASH_BYTES, f"{what} of {HASH_BYTES} bytes", size)
        _require(len(set(self.survivors)) == len(self.survivors), "distinct survivors", "a member twice")
        _require(len(self.survivors) >= COHORT_MIN, f"at least {COHORT_MIN} survivors", len(self.survivors))


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one node says of a release: whether it is of the question, companies and keys that it signed.

    It does not depend on a customer: how well a model made from the release does at the node stays there.
    """

    TAG: ClassVar[str] = "vote"
    release: bytes
    voter: PartnerId
    accept: bool
    reason: str

    def __post_init__(self) -> None:
        _require(len(self.release) == HASH_BYTES, "a release id", len(self.release))
        _require(
            len(self.reason) <= REASON_CHARS, f"a reason of up to {REASON_CHARS} characters", len(self.reason)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Release:
    """A verified release: the manifest, and the sum as int64 in ring units, shape (elements,)."""

    manifest: ReleaseManifest
    total: npt.NDArray[np.int64]

    @property
    def release_id(self) -> bytes:
        """See :func:`release_id`."""
        return release_id(self.manifest)


def release_id(manifest: ReleaseManifest) -> bytes:
    """The id of a release: the digest of its manifest."""
    return digest(manifest)


def number_bytes(part: npt.NDArray[np.int64]) -> bytes:
    """Numbers of a sum as they are hashed and stored: little-endian int64.

    >>> number_bytes(np.array([1, 2], dtype=np.int64)) == number_bytes(np.array([1, 2], dtype=">i8"))
    True
    """
    return part.astype("<i8", copy=False).tobytes()


def sum_sha256(parts: Iterable[npt.NDArray[np.int64]]) -> bytes:
    """SHA-256 over the numbers of a sum, which comes in parts, one after the other.

    >>> halves = np.array([1, 2]), np.array([3])
    >>> sum_sha256(halves) == sum_sha256([np.array([1, 2, 3])]) == sha256(
    ...     number_bytes(np.arange(1, 4))
    ... ).digest()
    True
    """
    hasher = sha256()
    for part in parts:
        hasher.update(number_bytes(part))
    return hasher.digest()


def payload_head(elements: int) -> bytes:
    """What stands before the numbers in the payload of a sum: the head of a safetensors file.

    Eight bytes of length, then JSON, padded with spaces to a multiple of eight bytes.

    >>> load(payload_head(2) + number_bytes(np.array([1, 2])))["sum"].tolist()
    [1, 2]
    """
    tensor = {"dtype": "I64", "shape": [elements], "data_offsets": [0, 8 * elements]}
    head = json.dumps({TENSOR: tensor}, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head


def pack(total: npt.NDArray[np.int64]) -> bytes:
    """The payload of a sum: a safetensors file with the tensor ``sum``, shape (elements,)."""
    return payload_head(len(total)) + number_bytes(total)


def unpack(payload: bytes, manifest: ReleaseManifest) -> npt.NDArray[np.int64]:
    """The sum inside ``payload``, if it is the one that ``manifest`` names.

    Raises:
        TooLarge: more bytes than the manifest's numbers take.
        BadRelease: not a safetensors file, another tensor, another hash, or a number beyond what
            the survivors' bounded answers can add up to.
    """
    elements = manifest.answer.elements
    limit = 8 * elements + RELEASE_HEADER_BYTES
    if len(payload) > limit:
        raise TooLarge(expected=f"at most {limit} bytes", came=str(len(payload)), do="refuse the release")
    try:
        tensors = load(payload)
    except (SafetensorError, ValueError, KeyError) as error:
        raise BadRelease(
            expected="a safetensors file", came=type(error).__name__, do="fetch the payload again"
        ) from None
    total = tensors.get(TENSOR)
    if len(tensors) != 1 or total is None or total.dtype != np.int64 or total.shape != (elements,):
        raise BadRelease(
            expected=f"one int64 tensor {TENSOR!r} of {elements} numbers",
            came=", ".join(f"{name} {array.dtype}{array.shape}" for name, array in tensors.items())[:200],
            do="fetch the payload again",
        )
    if not compare_digest(sum_sha256([total]), manifest.sum_sha256):
        raise BadRelease(
            expected=f"a sum with SHA-256 {manifest.sum_sha256.hex()}",
            came=sum_sha256([total]).hex(),
            do="fetch the payload again; if it stays so, the coordinator serves another sum than it signed",
        )
    _check_bounds(total, manifest)
    return total.astype(np.int64, copy=False)


def open_manifest(signed: Signed, roll: Roll) -> ReleaseManifest:
    """The manifest inside ``signed``, if the coordinator signed it.

    Raises:
        UnknownSigner, BadSignature: somebody else did, or nobody.
        MalformedMessage, UnknownVersion: not a manifest.
    """
    if signed.signer != COORDINATOR:
        raise UnknownSigner(
            expected="the coordinator's signature", came=signed.signer.hex(), do="refuse the release"
        )
    return open_signed(signed, ReleaseManifest, roll)


def open_release(signed: Signed, payload: bytes, roll: Roll) -> Release:
    """A verified release from the signed manifest and the payload.

    Raises:
        UnknownSigner, BadSignature, MalformedMessage, UnknownVersion: as :func:`open_manifest`.
        TooLarge, BadRelease: as :func:`unpack`.
    """
    manifest = open_manifest(signed, roll)
    return Release(manifest=manifest, total=unpack(payload, manifest))


def check_manifest(
    manifest: ReleaseManifest, config: RoundConfig, transcript: bytes, survivors: Collection[PartnerId]
) -> None:
    """Compare a manifest with what this node itself signed in the round.

    Raises:
        BadRelease: names the parts that differ.
    """
    said = {
        "consortium": manifest.consortium == config.consortium,
        "round": (manifest.round, manifest.attempt) == (config.round, config.attempt),
        "configuration": manifest.config == digest(config),
        "question": manifest.answer == config.answer,
        "transcript": manifest.transcript == transcript,
        "survivors": manifest.survivors == tuple(m for m in config.cohort if m in set(survivors)),
    }
    wrong = [what for what, same in said.items() if not same]
    if wrong:
        raise BadRelease(
            expected=f"the release of round {config.round}.{config.attempt} as this node signed it",
            came=f"another {', '.join(wrong)}",
            do="refuse the release, keep it as evidence and tell the other members",
        )


def check_newer(manifest: ReleaseManifest, in_use: ReleaseManifest) -> None:
    """Refuse to go back to an older release than the one in use.

    Raises:
        StaleRelease: its round is not later.
    """
    if (manifest.round, manifest.attempt) <= (in_use.round, in_use.attempt):
        raise StaleRelease(
            expected=f"a release after round {in_use.round}",
            came=f"the release of round {manifest.round}",
            do="keep the release in use; an older one is deployed only by hand",
        )


def open_vote(signed: Signed, roll: Roll) -> Vote:
    """The vote inside ``signed``, if its voter signed it.

    Raises:
        UnknownSigner: signed by another member than the voter, or by no member.
        BadSignature, MalformedMessage, UnknownVersion: as :func:`open_signed`.
    """
    vote = open_signed(signed, Vote, roll)
    if vote.voter != signed.signer or vote.voter == COORDINATOR:
        raise UnknownSigner(
            expected=f"a vote signed by {vote.voter.hex()}", came=signed.signer.hex(), do="refuse the vote"
        )
    return vote


def _check_bounds(total: npt.NDArray[np.int64], manifest: ReleaseManifest) -> None:
    start = 0
    for block in manifest.answer.blocks:
        part = total[start : start + block.length]
        most = len(manifest.survivors) * ((block.bound << block.scale_bits) + 1 + block.noise_tail)
        if int(part.max()) > most or int(part.min()) < -most:
            raise BadRelease(
                expected=f"a sum of {len(manifest.survivors)} answers within {block.bound} to {block.question!r}",
                came="a larger number",
                do="refuse the release and keep it as evidence",
            )
        start += block.length


def _require(holds: bool, expected: str, came: object) -> None:
    if not holds:
        raise MalformedMessage(expected=expected, came=str(came), do="refuse the release")
