"""A simulated member: the contributor's real functions behind a real signed HTTP client, no storage."""

import hashlib
from dataclasses import replace

import numpy as np
from fastapi.testclient import TestClient

from participant.entropy import encapsulate
from protocols.codec import decode, encode, tagged_hash
from protocols.enrolment import Invitation, JoinRequest
from protocols.identity import COORDINATOR, IdentityKey, Roll, Signed, open_signed, partner_id
from protocols.limits import CHUNK_BYTES
from protocols.messages import Phase, PhaseInput, RoundConfig, Submission
from protocols.ring import encode_vector
from protocols.roster import SignedRoster, approve
from protocols.secure_sum import contributor
from protocols.service.clock import Clock
from protocols.service.signing import SignedRequests
from protocols.service.tls import make_request


class SimulatedMember:
    """One company. ``mute``: phases in which it sends nothing; ``lost``: headers whose bytes it withholds."""

    def __init__(self, name: str, key: IdentityKey, answer: np.ndarray | None = None) -> None:
        self.name = name
        self.key = key
        self.id = partner_id(key.public)
        seed = int.from_bytes(self.id[:4], "big")
        self.answer = np.random.default_rng(seed).integers(0, 90, 6) << 24 if answer is None else answer
        self.mute: set[Phase] = set()
        self.withholds_bytes = False
        self.request_pem = ""
        self.roll: Roll = {}
        self.after = 0
        self.sent: dict[tuple[int, int, str], bytes] = {}
        self.vectors: dict[tuple[int, int], list[bytes]] = {}
        self.configs: dict[tuple[int, int], RoundConfig] = {}
        self.state: object = None
        self.unmasked: list[tuple[int, int]] = []
        self._nonces = 0

    def join(self, client: TestClient, invitation: Invitation) -> dict[str, str]:
        """Enrol with an invitation; returns the reply."""
        request = JoinRequest(
            secret=invitation.secret,
            name=self.name,
            identity_key=self.key.public,
            courier_key=b"ecdsa-sha2-nistp384 " + self.name.encode(),
            certificate_request=self.request_pem or make_request(self.name).certificate.decode(),
        )
        self.join_bytes = encode(self.key.sign(self.id, request))
        response = client.post("/v1/join", content=self.join_bytes)
        assert response.status_code == 200, response.text
        return response.json()

    def connect(self, client: TestClient, clock: Clock) -> None:
        self.client = client
        self.auth = SignedRequests(self.id, self.key, clock, self._nonce)

    def _nonce(self) -> bytes:
        self._nonces += 1
        return tagged_hash("nonce", self.id, str(self._nonces).encode())[:16]

    def get(self, path: str):
        return self.client.get(path, auth=self.auth)

    def post(self, path: str, body: bytes):
        return self.client.post(path, content=body, auth=self.auth)

    def approve(self) -> None:
        """Approve the proposal, as an officer who has compared the hash."""
        signed = decode(SignedRoster, self.get("/v1/roster/proposal").content)
        response = self.post("/v1/roster/approvals", encode(approve(signed.claimed, self.id, self.key)))
        assert response.status_code == 200, response.text

    def poll(self) -> Phase | None:
        """Ask what is next, act on it, and send; returns the phase acted on."""
        response = self.get(f"/v1/rounds/next?after={self.after}&wait_s=0")
        if response.status_code == 204:
            return None
        assert response.status_code == 200, response.text
        self.after = int(response.headers["Altrove-Sequence"])
        given = decode(PhaseInput, response.content)
        phase = Phase(given.phase)
        if phase in (Phase.RELEASED, Phase.ABORTED) or phase in self.mute:
            return phase
        for item in self.answer_to(given):
            response = self.submit(item)
            assert response.status_code == 200, response.text
        if phase is Phase.MASK and not self.withholds_bytes:
            assert self.upload(given.round, given.attempt).status_code == 200
        return phase

    def submit(self, submission: Submission):
        body = encode(submission)
        self.sent[submission.round, submission.attempt, submission.phase] = body
        return self.post(f"/v1/rounds/{submission.round}/{submission.attempt}/{submission.phase}", body)

    def upload(self, number: int, attempt: int, body: bytes | None = None):
        """Upload the masked vector, or ``body`` in its place."""
        sent = b"".join(self.vectors[number, attempt]) if body is None else body
        return self.client.put(f"/v1/rounds/{number}/{attempt}/vector", content=sent, auth=self.auth)

    def answer_to(self, given: PhaseInput) -> tuple[Submission, ...]:
        """The contributor's next step; the secrets stay in ``state``."""
        here = (given.round, given.attempt)
        if given.phase == Phase.ADVERTISE:
            config = open_signed(given.items[0], RoundConfig, {COORDINATOR: self.roll[COORDINATOR]})
            self.configs[here] = config
            self.state, ad = contributor.advertise(
                config, self.id, self.key, counter=0, rand=self._rand(contributor.RAND_ADVERTISE)
            )
            return (self._submission(given, (ad,)),)
        config = self.configs[here]
        match given.phase:
            case Phase.SHARE:
                rand = self._rand(contributor.RAND_SHARE(len(config.cohort)))
                self.state, items = contributor.share(
                    self.state,
                    config,
                    given.items,
                    key=self.key,
                    roll=self.roll,
                    rand=rand,
                    encapsulate=encapsulate,
                )
            case Phase.MASK:
                items = self._mask(given, config)
            case Phase.CHECK:
                self.state, item = contributor.confirm(
                    self.state, config, given.items, key=self.key, roll=self.roll, rand=self._rand(32)
                )
                items = (item,)
            case _:
                self.state, item = contributor.unmask(
                    self.state, config, given.items, key=self.key, roll=self.roll, bound=()
                )
                self.unmasked.append(here)
                items = (item,)
        return (self._submission(given, tuple(items)),)

    def _mask(self, given: PhaseInput, config: RoundConfig) -> tuple[Signed, ...]:
        masking = contributor.begin_mask(self.state, config, given.items, roll=self.roll)
        words = encode_vector(self.answer, config.answer)
        step = CHUNK_BYTES // words.itemsize
        chunks = [
            bytes(contributor.mask_chunk(masking, config, index, words[at : at + step]))
            for index, at in enumerate(range(0, len(words), step))
        ]
        self.vectors[given.round, given.attempt] = chunks
        self.state, header = contributor.seal_input(
            masking, config, [hashlib.sha256(chunk).digest() for chunk in chunks], key=self.key
        )
        return (header,)

    def _submission(self, given: PhaseInput, items: tuple[Signed, ...]) -> Submission:
        return Submission(round=given.round, attempt=given.attempt, phase=given.phase, items=items)

    def _rand(self, count: int) -> bytes:
        self._nonces += 1
        return b"".join(
            tagged_hash("rand", self.id, str((self._nonces, i)).encode()) for i in range(-(-count // 32))
        )[:count]

    def forged(self, submission: Submission) -> Submission:
        """The same submission with a signature that does not verify."""
        items = tuple(replace(item, signature=bytes(64)) for item in submission.items)
        return replace(submission, items=items)
