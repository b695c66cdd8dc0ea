"""`attest` and `restored`: how a node that came from a backup is let back in."""

from collections.abc import Sequence
from contextlib import suppress

from participant.commands.shown import out
from participant.door.words import privacy
from participant.errors import NoRoster
from participant.node import Node
from participant.restoring import Settled
from participant.store.rosters import Rosters
from protocols import ledger as ledgers
from protocols.codec import decode, encode
from protocols.errors import BadInput
from protocols.identity import PartnerId, Signed
from protocols.service.errors import Unreachable
from protocols.service.unit_of_work import reading

LINE = "altrove-attestation."


def attest(node: Node, partner: str, challenge: str) -> None:
    """Print the line for ``partner``."""
    version = node.rosters.in_force()
    if version is None:
        raise NoRoster(expected="a roster in force", came="none", do=node.rosters.missing())
    signed = node.restoring.peers.attest(
        node.member.partner,
        node.home.identity_key(),
        consortium=node.member.consortium,
        subject=PartnerId(_bytes(partner)),
        challenge=_bytes(challenge),
        height=version.height,
    )
    out.print(LINE + encode(signed).hex(), markup=False)


def settle(node: Node, lines: Sequence[str], *, abandon: bool) -> bool:
    """Say what is needed, or settle the restore; whether the door may answer again.

    The roster is fetched first: in the backup's, fewer members may have to attest.
    """
    with suppress(Unreachable):
        node.rosters.refresh()
    lock = node.restoring.lock()
    if lock is None:
        out.print("No restore is to be settled: the database is as new as what this node has sent.")
        return True
    if not lines:
        _ask(node, lock.needed, lock.challenge)
        return False
    attestations = [decode(Signed, _bytes(line.strip().removeprefix(LINE))) for line in lines]
    done = node.restoring.settle(attestations, abandon=abandon)
    _say(done)
    return True


def _say(done: Settled) -> None:
    out.print(
        f"Settled. {done.closed} unsent answers and {len(done.forgotten)} that others know of are closed for ever; "
        "the node answers new questions from now on."
    )
    if done.missing:
        why = f" ({done.trouble})" if done.trouble else ""
        out.print(
            f"Of {done.missing} advertisements of this node nobody shows anything{why}. All that was left of every "
            "budget since the backup is taken as spent. Answers without noise may be among them: of those no budget tells.",
            markup=False,
        )
    for each in done.booked:
        name = f"round {each.round}.{each.attempt}" if each.round else ledgers.say_quarter(each.quarter)
        out.print(f"  {name} ({', '.join(each.questions)}): {privacy(each.quote)}; {each.note}", markup=False)
    if done.booked:
        out.print("`altrove-node budget` shows these lines, and what is left.", markup=False)


def _ask(node: Node, needed: int, challenge: bytes) -> None:
    me = node.member.partner.hex()
    out.print("This database is older than what the node has sent: nothing is answered until it is settled.")
    out.print(
        "Before that, do again what was done since the backup: read purchases in (`connect`), for prices depend on how "
        "many customers there are; opt-outs and erasures, for the backup holds these customers still.",
        markup=False,
    )
    out.print(
        f"Ask {needed} other members to run this, not through the coordinator, and to hand you the line:"
    )
    out.print(f"  altrove-node attest {me} {challenge.hex()}", markup=False)
    out.print("Then: altrove-node restored --attestation LINE --attestation LINE ...", markup=False)
    out.print(
        "What was answered since the backup is booked in the ledger then. The coordinator is asked for it, and believed "
        "only under this node's own signature."
    )
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
