"""`attest` and `restored`: how a node that came from a backup is let back in."""

from collections.abc import Sequence

from participant.commands.shown import out
from participant.node import Node
from participant.store.rosters import Rosters
from protocols.codec import decode, encode
from protocols.errors import BadInput
from protocols.identity import PartnerId, Signed
from protocols.service.unit_of_work import reading

LINE = "altrove-attestation."


def attest(node: Node, partner: str, challenge: str) -> None:
    """Print the line for ``partner``."""
    signed = node.restoring.peers.attest(
        node.member.partner,
        node.home.identity_key(),
        consortium=node.member.consortium,
        subject=PartnerId(_bytes(partner)),
        challenge=_bytes(challenge),
    )
    out.print(LINE + encode(signed).hex(), markup=False)


def settle(node: Node, lines: Sequence[str], *, abandon: bool) -> bool:
    """Say what is needed, or settle the restore; whether the door may answer again."""
    lock = node.restoring.lock()
    if lock is None:
        out.print("No restore is to be settled: the database is as new as what this node has sent.")
        return True
    if not lines:
        _ask(node, lock.needed, lock.challenge)
        return False
    attestations = [decode(Signed, _bytes(line.strip().removeprefix(LINE))) for line in lines]
    done = node.restoring.settle(attestations, abandon=abandon)
    out.print(
        f"Settled. {done.closed} unsent answers and {len(done.forgotten)} that peers know of are closed for ever; "
        "the node answers new questions from now on."
    )
    return True


def _ask(node: Node, needed: int, challenge: bytes) -> None:
    me = node.member.partner.hex()
    out.print("This database is older than what the node has sent: nothing is answered until it is settled.")
    out.print(
        f"Ask {needed} other members to run this, not through the coordinator, and to hand you the line:"
    )
    out.print(f"  altrove-node attest {me} {challenge.hex()}", markup=False)
    out.print("Then: altrove-node restored --attestation LINE --attestation LINE ...", markup=False)
    with reading(node.db) as connection:
        counter = Rosters(connection).seen().counter
    out.print(f"This database remembers {counter} advertisements.")


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise BadInput(
            expected="hexadecimal digits",
            came=text[:40],
            do="copy the whole line, from its beginning to its end",
        ) from None
