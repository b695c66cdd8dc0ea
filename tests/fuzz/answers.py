"""What the coordinator answers to a node: the same calls as the exchange makes, over bytes from a fuzzer."""

import httpx

from participant.consortium import Consortium
from protocols.errors import AltroveError, MalformedMessage
from protocols.service.problems import raise_for_problem

ID = bytes(16)
CALLS = (
    lambda node: node.card(),
    lambda node: node.roster(),
    lambda node: node.proposal(),
    lambda node: node.vocabulary(bytes(32)),
    lambda node: node.consistency(1, 2),
    lambda node: node.next(0, 0),
    lambda node: node.vector_bytes(1, 1),
    lambda node: node.releases(),
    lambda node: node.manifest(bytes(32)),
    lambda node: node.evidence(1, 1),
    lambda node: node.bundles(1, 1, ID),
)


class _Says:
    """A coordinator that answers every request with the same status, sequence and bytes."""

    def __init__(self, status: int, sequence: bytes, body: bytes) -> None:
        self._answer = (status, sequence, body)

    def request(self, method: str, path: str, **_: object) -> httpx.Response:
        status, sequence, body = self._answer
        request = httpx.Request(method, f"https://coordinator{path}")
        headers = [(b"altrove-sequence", sequence)]
        return raise_for_problem(httpx.Response(status, headers=headers, content=body, request=request))

    def close(self) -> None:
        """Nothing is open."""


def answer(data: bytes) -> None:
    """One byte for the call, one for the status, a line for the sequence, then the body.

    What is wrong with an answer is the coordinator's fault, never ours.
    """
    call, status = (data[:1] or b"\0")[0], 200 + (data[1:2] or b"\0")[0] * 2
    sequence, _, body = data[2:].partition(b"\n")
    try:
        CALLS[call % len(CALLS)](Consortium(_Says(status, sequence, body)))
    except AltroveError as error:
        str(error).encode()
        raise
    except httpx.HTTPError:
        raise MalformedMessage(expected="HTTP", came="another", do="refuse it") from None
