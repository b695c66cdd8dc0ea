"""The coordinator's partner API as this node calls it.

TLS 1.3 with the node's client certificate, every request signed by the identity key. What comes back
is bytes to be verified by whoever asked: nothing here is trusted. A silent or failing coordinator is
one error, :class:`Unreachable`; a refusal is :class:`Refused` with the coordinator's own words.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Protocol, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from protocols.codec import decode, encode
from protocols.errors import MalformedMessage
from protocols.identity import PartnerId, Signed
from protocols.limits import DELIVERY_BYTES, EVIDENCE_BYTES, PAYLOAD_BYTES
from protocols.messages import PhaseInput, Submission
from protocols.participation import Participations
from protocols.roster import SignedRoster
from protocols.secure_sum.linear_check import Board, Grounds
from protocols.secure_sum.recomputation import Evidence
from protocols.service.client import BINARY
from protocols.service.problems import Refused
from protocols.service.signing import content_digest
from protocols.vocabulary import Vocabulary, open_vocabulary

T = TypeVar("T", bound=BaseModel)

NO_CONTENT, NOT_FOUND = 204, 404
SEQUENCE_HEADER = "Altrove-Sequence"
_SEQUENCE = re.compile(r"[0-9]{1,18}")


class Card(BaseModel):
    """What a node uses of the coordinator's card: the vocabulary's hash (hex), where the fleet listens."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    vocabulary: str | None
    fleet: dict[str, str] | None = None


class ReleaseLine(BaseModel):
    """One release in the coordinator's list."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    release: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    round: int
    attempt: int


class _Arrived(BaseModel):
    model_config = ConfigDict(extra="ignore")
    have: Annotated[int, Field(ge=0)]


class _Proof(BaseModel):
    model_config = ConfigDict(extra="ignore")
    proof: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One phase change: what to act on, and where it stands in the coordinator's order."""

    sequence: int
    given: PhaseInput


class Caller(Protocol):
    """What is needed of :class:`protocols.service.client.ServiceClient`."""

    def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        answer_bytes: int | None = None,
    ) -> httpx.Response:
        """Send one request; raise Refused or Unreachable unless it succeeds.

        Of an answer at most ``answer_bytes`` are read (without it: as many as a message may have).
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class Consortium:
    """Calls of the partner API over ``client``, which brings address, TLS and signatures."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def card(self) -> Card:
        """``GET /v1/consortium``."""
        return _parse(Card, self._get("/v1/consortium"))

    def roster(self, height: int | None = None) -> SignedRoster:
        """The latest roster version, or the one at ``height``."""
        path = "/v1/roster" if height is None else f"/v1/roster/{height}"
        return decode(SignedRoster, self._get(path).content)

    def proposal(self) -> SignedRoster | None:
        """The roster version that waits for approvals, or None when there is none."""
        try:
            return decode(SignedRoster, self._get("/v1/roster/proposal").content)
        except Refused as refused:
            if refused.problem.status == NOT_FOUND:
                return None
            raise

    def approve(self, approval: Signed) -> None:
        """Hand in this member's signature on a roster version."""
        self._post("/v1/roster/approvals", encode(approval))

    def vocabulary(self, digest: bytes) -> Vocabulary:
        """The vocabulary with this hash, verified against it."""
        return open_vocabulary(self._get(f"/v1/vocabularies/{digest.hex()}").content, digest)

    def consistency(self, first: int, second: int) -> tuple[bytes, ...]:
        """The proof that the audit log of size ``first`` is a prefix of the one of size ``second``."""
        if first in (0, second):
            return ()
        response = self._get(f"/v1/audit/consistency?first={first}&second={second}")
        return tuple(_hex(step) for step in _parse(_Proof, response).proof)

    def next(self, after: int, wait_s: int) -> Delivery | None:
        """Wait up to ``wait_s`` seconds for the next phase change after ``after``."""
        path = f"/v1/rounds/next?after={after}&wait_s={wait_s}"
        response = self._client.request("GET", path, answer_bytes=DELIVERY_BYTES)
        if response.status_code == NO_CONTENT:
            return None
        sequence = response.headers.get(SEQUENCE_HEADER, "")
        if not _SEQUENCE.fullmatch(sequence):
            raise MalformedMessage(
                expected=f"a number in {SEQUENCE_HEADER}", came=repr(sequence[:20]), do="ask again"
            )
        given = decode(PhaseInput, response.content, limit=DELIVERY_BYTES)
        return Delivery(sequence=int(sequence), given=given)

    def submit(self, submission: Submission) -> None:
        """Submit a phase's payload. The same bytes may be submitted any number of times."""
        self._post(
            f"/v1/rounds/{submission.round}/{submission.attempt}/{submission.phase}", encode(submission)
        )

    def vector_bytes(self, round_number: int, attempt: int) -> int:
        """How many bytes of this node's masked vector have arrived, from its beginning on."""
        return _parse(_Arrived, self._get(f"/v1/rounds/{round_number}/{attempt}/vector")).have

    def put_vector(
        self,
        round_number: int,
        attempt: int,
        *,
        offset: int,
        sha256: bytes,
        size_bytes: int,
        parts: Iterable[bytes],
    ) -> int:
        """Send a piece of the masked vector over the API, the way round a silent courier.

        ``sha256`` is of the ``size_bytes`` in ``parts``. Returns as :meth:`vector_bytes`.
        """
        response = self._client.request(
            "PUT",
            f"/v1/rounds/{round_number}/{attempt}/vector?offset={offset}",
            content=parts,
            headers={
                **BINARY,
                "Content-Digest": content_digest(sha256),
                "Content-Length": str(size_bytes),
            },
        )
        return _parse(_Arrived, response).have

    def releases(self) -> tuple[ReleaseLine, ...]:
        """All releases, as the coordinator lists them."""
        try:
            return _RELEASES.validate_json(self._get("/v1/releases").content)
        except ValidationError:
            raise MalformedMessage(
                expected="a list of releases", came="something else", do="update the older side"
            ) from None

    def manifest(self, release: bytes) -> Signed:
        """The signed manifest of a release."""
        return decode(Signed, self._get(f"/v1/releases/{release.hex()}").content)

    def payload(self, release: bytes) -> bytes:
        """The summed numbers of a release (safetensors), not yet verified."""
        path = f"/v1/releases/{release.hex()}/payload"
        return self._client.request("GET", path, answer_bytes=PAYLOAD_BYTES).content

    def evidence(self, round_number: int, attempt: int) -> Evidence:
        """The signed messages behind a released sum; nothing of them is verified here."""
        path = f"/v1/rounds/{round_number}/{attempt}/evidence"
        content = self._client.request("GET", path, answer_bytes=EVIDENCE_BYTES).content
        return decode(Evidence, content, limit=EVIDENCE_BYTES)

    def bundles(self, round_number: int, attempt: int, dealer: PartnerId) -> Submission:
        """The sealed shares that ``dealer`` submitted in a released attempt."""
        path = f"/v1/rounds/{round_number}/{attempt}/evidence/bundles/{dealer.hex()}"
        return decode(Submission, self._get(path).content)

    def masked_vector(
        self, round_number: int, attempt: int, member: PartnerId, *, offset: int, count: int
    ) -> bytes:
        """``count`` bytes of a survivor's masked vector from ``offset`` on, fewer at its end."""
        path = f"/v1/rounds/{round_number}/{attempt}/evidence/vectors/{member.hex()}"
        return self._client.request(
            "GET", f"{path}?offset={offset}&count={count}", answer_bytes=count
        ).content

    def check_openings(self, release: bytes) -> tuple[Signed, ...]:
        """The openings of all survivors of a release, or none yet; nothing of them is verified here."""
        return decode(Board, self._get(f"/v1/releases/{release.hex()}/check/openings").content).items

    def check_answers(self, release: bytes) -> tuple[Signed, ...]:
        """The linear answers of all survivors, or none yet; nothing of them is verified here."""
        return decode(Board, self._get(f"/v1/releases/{release.hex()}/check/answers").content).items

    def check_grounds(self, release: bytes) -> Grounds:
        """What the survivors of a release committed to before it; nothing of it is verified here."""
        return decode(Grounds, self._get(f"/v1/releases/{release.hex()}/check/grounds").content)

    def open_check(self, release: bytes, opening: Signed) -> None:
        """Hand in the fifth message. The same bytes may be handed in any number of times."""
        self._post(f"/v1/releases/{release.hex()}/check/openings", encode(opening))

    def answer_check(self, release: bytes, answer: Signed) -> None:
        """Hand in the sixth message, as often as need be."""
        self._post(f"/v1/releases/{release.hex()}/check/answers", encode(answer))

    def participations(self, round_number: int, attempt: int) -> Participations:
        """What the coordinator holds of this node's own attempts after that one; believe nothing of it."""
        path = f"/v1/rounds/mine?round={round_number}&attempt={attempt}"
        return decode(Participations, self._get(path).content)

    def vote(self, release: bytes, vote: Signed) -> None:
        """Hand in this member's vote on a release."""
        self._post(f"/v1/releases/{release.hex()}/votes", encode(vote))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _get(self, path: str) -> httpx.Response:
        return self._client.request("GET", path)

    def _post(self, path: str, body: bytes) -> None:
        self._client.request("POST", path, content=body, headers=BINARY)


_RELEASES = TypeAdapter(tuple[ReleaseLine, ...])


def _parse(kind: type[T], response: httpx.Response) -> T:
    try:
        return kind.model_validate_json(response.content)
    except ValidationError:
        raise MalformedMessage(
            expected=f"{kind.__name__} as JSON", came="something else", do="update the older side"
        ) from None


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise MalformedMessage(expected="hex", came=repr(text[:40]), do="refuse it") from None
