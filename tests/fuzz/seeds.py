"""The seed corpus: valid inputs of every target, and every input that once broke one.

``python -m tests.fuzz.seeds`` makes the valid ones anew and keeps the found ones.
"""

import json
from pathlib import Path

import httpx
import numpy as np

from protocols import audit, merkle
from protocols.bundle import BundleSignature
from protocols.codec import decode, encode
from protocols.enrolment import Invitation
from protocols.messages import PHASES, Phase, PhaseInput, SealedShare, Submission
from protocols.participation import Participation, Participations
from protocols.questions import QUESTIONS
from protocols.release import pack
from protocols.restoring import Attestation
from protocols.secure_sum import linear_check, linear_contributor
from protocols.service.clock import ManualClock
from protocols.service.signing import SignedRequests
from protocols.vocabulary import Vocabulary
from tests.fuzz.couriers import NODE, SIZE, packed
from tests.fuzz.targets import KINDS, NOW, _hybrid_stage, _manifest, _stage
from tests.protocols import consortium
from tests.protocols.secure_sum.stage import Stage, counting

CORPUS = Path(__file__).with_name("seeds.json")


def seeds(target: str) -> list[bytes]:
    """The corpus of ``target``."""
    corpus = json.loads(CORPUS.read_text())
    return [bytes.fromhex(each) for each in (*corpus["valid"][target], *corpus["found"].get(target, ()))]


def made() -> dict[str, list[bytes]]:
    """Valid inputs, from fixed keys."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    stage, phases = _stage(), iter(PHASES)
    items = {
        next(phases): each
        for each in (stage.ads, stage.bundles_for(0), stage.headers, stage.confirmations, stage.answers)
    }
    given = [
        PhaseInput(round=1, attempt=1, phase=phase.value, items=tuple(handed), reason="")
        for phase, handed in zip(
            PHASES[1:], (stage.ads, items[Phase.SHARE], stage.headers, stage.confirmations), strict=True
        )
    ]
    sent = [stage.ads[:1], stage.bundles[0], stage.headers[:1], stage.confirmations[:1], stage.answers[:1]]
    submissions = [
        Submission(round=1, attempt=1, phase=phase.value, items=tuple(each))
        for phase, each in zip(PHASES, sent, strict=True)
    ]
    first = consortium.genesis("Alma", "Bruno", "Cora")
    chain = [
        consortium.signed(first, "Alma", "Bruno", "Cora"),
        consortium.signed(consortium.admitting(first, "Dora"), "Alma", "Bruno", "Cora", "Dora"),
        consortium.signed(consortium.removing(first, "Cora"), "Alma", "Bruno"),
    ]
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(7)]
    words = Vocabulary.of("types", ["BREAD", "MILK", "TEA"])
    signature = BundleSignature.make(Ed25519PrivateKey.from_private_bytes(bytes(32)), b"fab", now=NOW)
    line = Invitation(
        enrol_url="https://127.0.0.1:1",
        partner_url="https://127.0.0.1:2",
        authority="PEM",
        secret=bytes(32),
        name="A",
    )
    values = [
        *(stage.config, counting(), counting().blocks[0], _manifest(), words, *given, *submissions, *chain),
        *(each for handed in items.values() for each in handed[:1]),
        *(first, first.entries[0], stage.before["share"], stage.before["mask"], stage.before["check"]),
        *(stage.before["unmask"], stage.states[0]),
        *_check(stage),
        audit.AuditEntry(sequence=0, at=NOW, kind="round", body_hash=bytes(32)),
        audit.TreeHead(consortium=bytes(16), size=7, root=merkle.root(leaves)),
        Participations(
            attempts=(Participation(config=stage.config, messages=(stage.ads[0], stage.headers[0])),)
        ),
        Attestation(
            consortium=bytes(16),
            sender=stage.id(1),
            subject=stage.id(0),
            challenge=bytes(16),
            height=0,
            newest=(stage.ads[0],),
            answers=(bytes(32),),
        ),
    ]
    until = {"until": NOW}
    typed = {"taste": until, "content": until, "landmarks": {**until, "landmarks": "0,2"}, "nonbuyers": until}
    values += [QUESTIONS[name].parse(asked) for name, asked in typed.items()]
    kinds = {kind: index for index, kind in enumerate(KINDS)}
    plain = [bytes([kinds[type(value)]]) + encode(value) for value in values]
    inside = [
        bytes([kinds[kind]]) + signed.body for kind, signed in zip(KINDS[3:7], _signed(items), strict=True)
    ]
    return {
        "message": [*plain, *inside],
        "submission": [encode(each) for each in submissions],
        "phase_input": [encode(each) for each in given],
        "signed_message": [
            bytes([at]) + next(each.body for each in shown if each.signer == stage.id(1))
            for at, shown in enumerate((stage.ads, items[Phase.SHARE], stage.headers, stage.confirmations))
        ],
        "signed_roster": [
            encode(consortium.admitting(first, "Dora")),
            encode(consortium.removing(first, "Cora")),
        ],
        "roster_chain": [encode(each) for each in chain],
        "proof": [
            bytes([3, 7]) + b"".join(merkle.inclusion_proofs(leaves)[3]),
            bytes([3, 7]) + b"".join(merkle.consistency_proof(leaves, 3)),
        ],
        "release": [pack(np.array([1, -2, 3]))],
        "bundle": [
            signature.json().encode(),
            b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me",
        ],
        "invitation": [line.text().encode()],
        "invitation_json": [
            b'{"enrol_url":"a","partner_url":"b","ca":"c","secret":"' + b"00" * 32 + b'","name":"n"}'
        ],
        "vocabulary": [encode(words)],
        "http_signature": [_head()],
        "chunk": [b"\1" + stage.chunks[stage.id(0)][0]],
        "opened_shares": [bytes(64 + 64 + 16)],
        "opened_capsule": [_capsule()],
        **_couriers(),
        "answer": [
            b"\0\0\n" + b'{"vocabulary":"' + b"00" * 32 + b'","fleet":{"address":"127.0.0.1:1"}}',
            b"\4\0\n" + b'{"proof":["' + b"00" * 32 + b'"]}',
            b"\6\0\n" + b'{"have":1048576,"size":2097152}',
            b"\7\0\n" + b'[{"release":"' + b"00" * 32 + b'","round":1,"attempt":1}]',
            *(bytes([at]) + b"\0\n" + encode(chain[0]) for at in (1, 2)),
            b"\5\0" + b"7\n" + encode(given[0]),
            b"\x08\0\n" + encode(stage.ads[0]),
            b"\x0a\0\n" + encode(submissions[1]),
            bytes([0, 104])
            + b'\n{"type":"urn:altrove:problem:phase-closed","title":"t","status":408,"detail":"d"}',
        ],
    }


def _couriers() -> dict[str, list[bytes]]:
    """What the couriers hand on; times are those of a far future, so that nothing is too late."""
    from flwr.app import ConfigRecord, Error, Message, RecordDict
    from flwr.app.metadata import Metadata

    def message(content: RecordDict | None = None, error: Error | None = None) -> bytes:
        metadata = Metadata(
            run_id=1,
            message_id="m",
            src_node_id=NODE,
            dst_node_id=1,
            reply_to_message_id="m",
            group_id="",
            created_at=4e9,
            ttl=30.0,
            message_type="query",
        )
        metadata.delivered_at = ""
        return Message(metadata=metadata, content=content, error=error).deflate().partition(b"\0")[2]

    def body(value: object) -> bytes:
        return value.deflate().partition(b"\0")[2]

    head = message(content=RecordDict())
    refs, array = b'{"y": "@%d"}', {"dtype": "uint32", "shape": [16], "stype": "raw"}

    def reply(chunks: str) -> bytes:
        about = json.dumps(array)[:-1] + f', "arraychunk_ids": {chunks}}}'
        return packed(
            ("ArrayChunk", (), bytes(range(SIZE // 2))),
            ("Array", (0,), about.encode()),
            ("ArrayRecord", (1,), refs % 1),
            ("RecordDict", (2,), refs % 2),
            ("Message", (3,), head),
        )

    said = ConfigRecord({"round": 1, "attempt": 2, "offset": 0, "more": [1.5, 2.5], "raw": b"1", "is": True})
    request = b"POST /dock/vectors/1/1/%d/error?run_id=run-1\n"
    return {
        "envelope": [
            packed(
                ("ConfigRecord", (), body(each)),
                ("RecordDict", (0,), b'{"envelope": "@0"}'),
                ("Message", (1,), head),
            )
            for each in (said, ConfigRecord({"round": "7", "attempt": "1", "offset": "1048576"}))
        ],
        "reply": [
            reply("[0, 0]"),
            reply("[0]"),
            packed(("Message", (), message(error=Error(8, "crashed")))),
            packed(("Message", (), message(error=Error(3, "lost")))),
        ],
        "lease": [
            b'{"lease":"l","round":1,"attempt":2,"nodes":["%d","7"],"have":{"7":32},' % NODE
            + b'"size":64,"piece":32,"ttl_s":30}'
        ],
        "door_request": [
            b"GET /door/vectors/1/1?offset=0&wait_s=20\n",
            b"GET /door/vectors/1/2?offset=1048576\n",
        ],
        "dock_request": [
            request % 1000 + b'{"code":408,"reason":"no reply within the time"}',
            request % 1001 + b'{"code":"lost"}',
            b"POST /dock/lease?run_id=run-1&wait_s=20\n",
            b"POST /dock/leases/l/done?run_id=run-1\n",
            b"PUT /dock/vectors/1/1/1002?run_id=run-1&offset=0\n" + bytes(24),
        ],
    }


def _capsule() -> bytes:
    stage = _hybrid_stage()
    said = (decode(SealedShare, item.body) for item in stage.bundles[1])
    return next(each.sealed for each in said if each.recipient == stage.id(3))


def _check(stage: Stage) -> tuple[object, ...]:
    """Everything that travels in a linear check, or is kept for one; openings are signed by member 0."""
    armed = linear_contributor.arm(stage.before["unmask"], stage.confirmations)
    opened, opening = linear_contributor.open_rho(armed, bytes(32), key=stage.players[0].key)
    read = decode(linear_check.Opening, opening.body)
    answer = linear_check.LinearAnswer(
        config=read.config, transcript=read.transcript, sender=read.sender, openings=bytes(32), z=2017
    )
    board = linear_check.Board(items=(opening,))
    grounds = linear_check.Grounds(config=stage.ads[0], confirmations=tuple(stage.confirmations))
    dispute = linear_check.Dispute(release=opening, openings=(opening,), answers=())
    return read, answer, board, grounds, dispute, armed, opened


def _signed(items: dict[Phase, list[object]]) -> list[object]:
    return [items[phase][0] for phase in (Phase.ADVERTISE, Phase.SHARE, Phase.MASK, Phase.CHECK)]


def _head() -> bytes:
    me, key = consortium.id_of("Alma"), consortium.key_of("Alma")
    request = httpx.Request("POST", "https://coordinator/echo", content=b"hello")
    next(SignedRequests(me, key, ManualClock(NOW), lambda: bytes(16)).sync_auth_flow(request))
    return b"\n".join(name + b": " + value for name, value in request.headers.raw if name.lower() != b"host")


def main() -> None:
    """Write the corpus."""
    found = json.loads(CORPUS.read_text())["found"] if CORPUS.exists() else {}
    valid = {target: [each.hex() for each in inputs] for target, inputs in made().items()}
    CORPUS.write_text(json.dumps({"valid": valid, "found": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
