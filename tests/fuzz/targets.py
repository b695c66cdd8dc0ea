"""What reads bytes from outside, one function a decoder: bytes in, the name of what came of them out.

Only an :class:`~protocols.errors.AltroveError` may come out of a decoder. Where a value comes out, encoding it
again must give the bytes that went in: there is one encoding of everything that is signed.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
from starlette.requests import Request

from protocols import audit, merkle, messages, participation, restoring, roster
from protocols import release as releases
from protocols.bundle import BundleSignature, ReleaseKey
from protocols.codec import decode, enc, encode
from protocols.enrolment import Invitation, JoinRequest, open_join
from protocols.errors import AltroveError, MalformedMessage
from protocols.identity import COORDINATOR, IdentityKey, PartnerId, Signed
from protocols.limits import CHUNK_BYTES
from protocols.messages import Phase, PhaseInput, Submission
from protocols.questions import QUESTIONS
from protocols.secure_sum import contributor, linear_check, linear_contributor, sealing, states
from protocols.secure_sum.collector import check_chunk
from protocols.service.clock import ManualClock
from protocols.service.signing import Signatures
from protocols.vocabulary import Vocabulary, open_vocabulary
from tests.fuzz import answers, couriers, sockets
from tests.protocols import consortium
from tests.protocols.secure_sum.stage import Stage

NOW = 1_760_000_000
KINDS = (
    *(
        messages.Block,
        messages.AnswerSpec,
        messages.RoundConfig,
        messages.Advertisement,
        messages.SealedShare,
    ),
    *(messages.InputHeader, messages.Confirmation, messages.OpenedShare, messages.UnmaskAnswer),
    *(messages.PhaseInput, messages.Submission, Signed, Vocabulary, JoinRequest, sealing.HeldShares),
    *(releases.ReleaseManifest, releases.Vote, audit.AuditEntry, audit.TreeHead),
    *(roster.RosterEntry, roster.RosterVersion, roster.RosterApproval, roster.SignedRoster),
    *(states.Advertised, states.Shared, states.Masked, states.Confirmed, states.Unmasked, states.Closed),
    *(participation.Participations, restoring.Attestation),
    *(linear_check.Opening, linear_check.LinearAnswer, linear_check.Board, linear_check.Grounds),
    *(linear_check.Dispute, linear_contributor.Armed, linear_contributor.Opened),
    *(question.parameters for question in QUESTIONS.values()),
)
"""Every type that is decoded from bytes."""
FOUR = ("Alma", "Bruno", "Cora", "Dora")


class NotCanonical(Exception):
    """A value whose encoding is not what it was decoded from."""


def message(data: bytes) -> None:
    """The first byte says as what the rest is decoded."""
    if not data:
        raise MalformedMessage(expected="a byte", came="none", do="give one")
    body = data[1:]
    value = decode(KINDS[data[0] % len(KINDS)], body)
    if encode(value) != body:
        raise NotCanonical(type(value).__name__)


def submission(data: bytes) -> None:
    """What a member sends, as the coordinator admits it in each phase."""
    said = decode(Submission, data)
    _canonical(said, data)
    stage = _stage()
    phase = next((each for each in messages.PHASES if each.value == said.phase), Phase.ADVERTISE)
    for member in range(3):
        try:
            stage.submit_as(phase, member, said)
        except AltroveError as error:
            refused = error
        else:
            return
    raise refused


def phase_input(data: bytes) -> None:
    """What the coordinator hands a member, as the member's machine takes it."""
    given = decode(PhaseInput, data)
    _canonical(given, data)
    stage = _stage()
    key, roll = stage.players[0].key, stage.roll
    match given.phase:
        case Phase.SHARE.value:
            rand = stage.rand(0, contributor.RAND_SHARE(4))
            contributor.share(stage.before["share"], stage.config, given.items, key=key, roll=roll, rand=rand)
        case Phase.MASK.value:
            contributor.begin_mask(stage.before["mask"], stage.config, given.items, roll=roll)
        case Phase.CHECK.value:
            state, rand = stage.before["check"], bytes(32)
            contributor.confirm(state, stage.config, given.items, key=key, roll=roll, rand=rand)
        case Phase.UNMASK.value:
            state = stage.before["unmask"]
            contributor.unmask(state, stage.config, given.items, key=key, roll=roll, bound=())
        case _:
            raise MalformedMessage(expected="a phase with a step", came=given.phase[:20], do="wait")


def signed_message(data: bytes) -> None:
    """Any bytes that member 1 signed itself, in the place of its message, as member 0 takes them."""
    stage = _stage()
    shown = (stage.ads, stage.bundles_for(0), stage.headers, stage.confirmations)
    phase = data[0] % len(shown) if data else 0
    body = data[1:]
    forged = _signed_by(stage.players[1].key, stage.id(1), body)
    items = tuple(forged if each.signer == forged.signer else each for each in shown[phase])
    given = PhaseInput(round=1, attempt=1, phase=messages.PHASES[phase + 1].value, items=items, reason="")
    phase_input(encode(given))


def signed_roster(data: bytes) -> None:
    """Any bytes that the coordinator signed as a roster, approved by all who may."""
    version = _signed_by(consortium.COORDINATOR_KEY, COORDINATOR, data)
    try:
        said = decode(roster.RosterVersion, data)
    except AltroveError:
        names: tuple[str, ...] = ()
    else:
        names = tuple(name for name in FOUR if _company(name)[0] in said.partners)
    approvals = tuple(roster.approve(said, *_company(name)) for name in names)
    roster.check_successor(_first(), roster.SignedRoster(version=version, approvals=approvals))


def roster_chain(data: bytes) -> None:
    """A successor of a genesis of three, or a genesis."""
    signed = decode(roster.SignedRoster, data)
    _canonical(signed, data)
    try:
        roster.check_successor(_first(), signed)
    except AltroveError:
        roster.check_genesis(signed)


def proof(data: bytes) -> None:
    """Two numbers, then hashes: an inclusion and a consistency proof of a log of seven entries."""
    leaves, roots = _log()
    first, second, steps = data[:1], data[1:2], [data[i : i + 32] for i in range(2, len(data), 32)]
    index, size = int.from_bytes(first), int.from_bytes(second)
    try:
        is_proof = merkle.implied_root(leaves[index % 7], index, size, steps) == roots[7]
    except AltroveError:
        is_proof = False
    if not is_proof:
        merkle.verify_consistency(index, roots[index % 8], size, roots[7], steps)


def release(data: bytes) -> None:
    """The payload of a release of three numbers; its hash is taken from it, or every byte would fail there."""
    manifest = _manifest()
    numbers = np.frombuffer(data[-24:].rjust(24, b"\0"), dtype="<i8")
    releases.unpack(data, replace(manifest, sum_sha256=releases.sum_sha256([numbers])))


def bundle(data: bytes) -> None:
    """A bundle's signature, and a release key."""
    try:
        BundleSignature.parse(data)
    except MalformedMessage:
        ReleaseKey.parse(data.decode("utf-8", "replace"))


def invitation(data: bytes) -> None:
    """An invitation as text, and a signed request to join."""
    try:
        Invitation.parse(data.decode("utf-8", "replace"))
    except AltroveError:
        open_join(decode(Signed, data))


def invitation_json(data: bytes) -> None:
    """The inside of an invitation, so that mutations reach the JSON."""
    import base64

    Invitation.parse("altrove1." + base64.urlsafe_b64encode(data).decode())


def vocabulary(data: bytes) -> None:
    """A vocabulary under whatever hash it has."""
    value = open_vocabulary(data, hashlib.sha256(data).digest())
    _canonical(value, data)


def http_signature(data: bytes) -> None:
    """The head of a signed request: one header a line."""
    lines = (line.split(b": ", 1) for line in data.split(b"\n") if b": " in line)
    headers = [(name.strip().lower(), value) for name, value in lines]
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "https",
        "path": "/echo",
        "raw_path": b"/echo",
        "query_string": b"",
        "server": ("coordinator", 443),
        "headers": [(b"host", b"coordinator"), *headers],
    }
    me, key = _company("Alma")
    Signatures(lambda: {me: key.public}, ManualClock(NOW)).verify(Request(scope))


def chunk(data: bytes) -> None:
    """A chunk of masked bytes against a signed header, at the place that the first byte names."""
    header = decode(messages.InputHeader, _stage().headers[0].body)
    check_chunk(header, data[0] - 1 if data else 0, data[1 : CHUNK_BYTES + 2])


def opened_shares(data: bytes) -> None:
    """A sealed share under the right transcript with any bytes inside."""
    stage = _stage()
    share = decode(messages.SealedShare, stage.bundles[1][0].body)
    contributor.begin_mask(
        stage.before["mask"],
        stage.config,
        [stage.players[1].key.sign(stage.id(1), replace(share, sealed=data)), *stage.bundles_for(0, (2,))],
        roll=stage.roll,
    )


def opened_capsule(data: bytes) -> None:
    """The same in suite 2, as the last member takes it: with ciphertext and capsule beside the shares."""
    stage = _hybrid_stage()
    share = next(
        said
        for said in (decode(messages.SealedShare, item.body) for item in stage.bundles[1])
        if said.recipient == stage.id(3)
    )
    bad = stage.players[1].key.sign(stage.id(1), replace(share, sealed=data))
    contributor.begin_mask(
        stage.before["last mask"], stage.config, [bad, *stage.bundles_for(3, (0, 2))], roll=stage.roll
    )


Target = Callable[[bytes], None]
TARGETS: dict[str, Target] = {
    each.__name__: each
    for each in (
        *(
            message,
            submission,
            phase_input,
            signed_message,
            signed_roster,
            roster_chain,
            proof,
            release,
            bundle,
            invitation,
            invitation_json,
        ),
        *(vocabulary, http_signature, chunk, opened_shares, opened_capsule),
        *(couriers.envelope, couriers.reply, couriers.lease, sockets.door_request, sockets.dock_request),
        answers.answer,
    )
}


def outcome(target: str, data: bytes) -> str:
    """What came of ``data``: "accepted", or the name of the refusal.

    Raises:
        Exception: whatever is not an :class:`AltroveError`; that is what fuzzing looks for.
    """
    try:
        TARGETS[target](data)
    except AltroveError as error:
        return type(error).__name__
    return "accepted"


class Played(Stage):
    """A whole attempt of four, with the states of member 0 before each step."""

    def __init__(self, suite: int = messages.CLASSICAL) -> None:
        super().__init__(4, suite=suite)
        self.before: dict[str, object] = {}
        self.advertise()
        self.before["share"] = self.states[0]
        self.share()
        self.before["mask"], self.before["last mask"] = self.states[0], self.states[3]
        self.mask()
        self.before["check"] = self.states[0]
        self.confirm()
        self.before["unmask"] = self.states[0]
        self.unmask()

    def submit_as(self, phase: Phase, i: int, said: Submission) -> None:
        """Admit ``said`` as what member ``i`` submits."""
        from protocols.secure_sum.collector import check_submission

        check_submission(self.config, phase, said, self.id(i), roll=self.roll, context=self.settled())


@cache
def _stage() -> Played:
    return Played()


@cache
def _hybrid_stage() -> Played:
    return Played(messages.HYBRID)


@cache
def _company(name: str) -> tuple[PartnerId, IdentityKey]:
    return consortium.id_of(name), consortium.key_of(name)


@cache
def _first() -> roster.RosterVersion:
    return consortium.genesis(*FOUR[:3])


@cache
def _log() -> tuple[list[bytes], list[bytes]]:
    """Seven leaves, and the root of the first none to seven of them."""
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(7)]
    return leaves, [merkle.root(leaves[:size]) for size in range(8)]


@cache
def _manifest() -> releases.ReleaseManifest:
    stage = _stage()
    zero = bytes(32)
    block = replace(stage.spec.blocks[0], length=3, scale_bits=0)
    return releases.ReleaseManifest(
        consortium=bytes(16),
        round=1,
        attempt=1,
        config=zero,
        answer=replace(stage.spec, blocks=(block,)),
        transcript=zero,
        survivors=stage.ids((0, 1, 2)),
        sum_sha256=zero,
        previous=zero,
    )


def _signed_by(key: IdentityKey, signer: PartnerId, body: bytes) -> Signed:
    return Signed(signer=signer, body=body, signature=key._key.sign(enc("signature", signer, body)))


def _canonical(value: object, data: bytes) -> None:
    if encode(value) != data:
        raise NotCanonical(type(value).__name__)
