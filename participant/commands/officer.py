"""Verbs of the data-protection officer: the roster, release keys, sensitive categories, who may use the API."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from participant import entropy, opting_out
from participant.api import appetite, nonbuyers, recommendations
from participant.commands import shown
from participant.commands.shown import out
from participant.courier import trust
from participant.home import Home
from participant.node import Node
from participant.opting_out import Contained
from participant.roster_desk import Offer
from participant.settings import CourierSwitch
from participant.store.membership import Membership
from participant.store.records_products import Product
from participant.store.tokens import Tokens
from protocols.bundle import ReleaseKey
from protocols.errors import BadInput
from protocols.policy import Policy
from protocols.service.clock import iso
from protocols.service.tokens import RANDOM_BYTES, mint
from protocols.service.unit_of_work import reading
from protocols.vocabulary import Vocabulary

DAY_S = 86_400
SCOPES = (recommendations.SCOPE, nonbuyers.SCOPE, appetite.SCOPE)


def noise_policy(policy: Policy) -> str:
    """What this company's policy says of questions without noise: there is no silence about it."""
    if policy.require_dp:
        return "Questions without noise, which have no differential privacy, are refused (require_dp = true)."
    return (
        "Questions without noise are answered (require_dp = false): they have no differential privacy. "
        "`require_dp = true` in node.toml, [policy], refuses them."
    )


def show_or_accept(node: Node, typed: str) -> None:
    """Show the roster on offer, or accept it under the hash that was typed."""
    if not typed:
        _show(node.rosters.offer())
        return
    offer = node.rosters.accept(typed)
    node.rosters.refresh()
    if node.rosters.in_force() is None:
        out.print("Accepted and signed. It is in force once enough members have signed it.")
    else:
        out.print(f"Accepted. The roster of {len(offer.version.entries)} companies is in force.")


def _show(offer: Offer) -> None:
    out.print(f"Roster {offer.version.height} of consortium {offer.version.consortium.hex()}", markup=False)
    table = Table("company", "id", "identity key", box=None)
    for entry in offer.version.entries:
        table.add_row(entry.name, entry.partner.hex(), entry.identity_key.hex()[:16] + "...")
    out.print(table)
    out.print(f"hash {offer.hash.hex()}", markup=False)
    state = f"{offer.approvals} signatures so far" if offer.pending else "in force at the coordinator"
    out.print(
        f"{state}. Compare the hash with at least two other members, by telephone, then run", markup=False
    )
    out.print(f"  altrove-node roster --accept {offer.hash.hex()}", markup=False)


def trust_release_keys(home: Home, files: Iterable[Path]) -> None:
    """Trust exactly the keys in ``files`` and print their fingerprints."""
    keys = tuple(ReleaseKey.parse(_text(file)) for file in files)
    trust(home.courier.trusted, keys)
    for key in keys:
        out.print(
            f"App bundles signed by {key.fingerprint} may run in the courier, and no others.", markup=False
        )
    out.print("Compare that with what the consortium's release officer reads out, not with the coordinator.")


def say_when_trust_counts(courier: CourierSwitch) -> None:
    """Say what is left to do for other release keys to count: a courier reads them when it starts."""
    if courier.mode == "apart":
        out.print(
            "A courier in a container keeps the old keys until it is started anew: "
            "`docker compose restart courier`, or whatever its service is called.",
            markup=False,
        )


def _text(file: Path) -> str:
    try:
        return file.expanduser().read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            expected="a file with a public key", came=str(error), do="name the .pub file of the release key"
        ) from None


def new_token(node: Node, label: str, days: int, scope: str) -> None:
    """Issue a token of ``scope`` and print it once.

    Raises:
        BadInput: no path of the API asks for this scope.
    """
    if scope not in SCOPES:
        raise BadInput(expected=f"a scope of {' or '.join(SCOPES)}", came=scope[:40], do="correct --scope")
    made = mint(scope, entropy.random_bytes(RANDOM_BYTES))
    now = node.clock.now()
    token_id = Tokens(node.db).add(made, label=label, at=now, expires_at=now + days * DAY_S if days else 0)
    out.print(made.text, markup=False)
    out.print(f"Its id is {token_id}. It is shown once and stored as a hash only.", style="dim")


def list_tokens(node: Node) -> None:
    """Print all tokens without their text."""
    table = Table("id", "label", "scope", "runs out", "revoked", box=None)
    for each in Tokens(node.db).all():
        until = iso(each.expires_at) if each.expires_at else "never"
        table.add_row(each.token_id, each.label, each.scope, until, "yes" if each.revoked else "no")
    out.print(table)


def revoke_token(node: Node, token_id: str) -> None:
    """Revoke one token."""
    Tokens(node.db).revoke(token_id, at=node.clock.now())
    out.print("Revoked.")


def show_sensitive(node: Node, *, as_json: bool = False) -> None:
    """Print the denied concepts and every ruling."""
    with reading(node.db) as connection:
        vocabulary = Membership(connection).vocabulary()
    guard, groups = node.trainer.guard, node.settings.suggestions.deny
    rulings = guard.rulings()
    denied: tuple[str, ...] = ()
    if vocabulary is not None:
        mask = guard.denied(vocabulary, _starters(node, vocabulary))
        denied = tuple(c for c, is_denied in zip(vocabulary.concepts, mask, strict=True) if is_denied)
    if as_json:
        as_lines = [asdict(each) for each in rulings]
        shown.as_json({"groups": groups, "denied": denied, "rulings": as_lines})
        return
    out.print(f"Denied by suggestions.deny in node.toml: {', '.join(groups) or 'no group'}.", markup=False)
    out.print(f"{len(denied)} concepts are never suggested and are no reason for anything:", markup=False)
    out.print(", ".join(denied) or "none", markup=False)
    for each in rulings:
        verdict = "allowed" if each.allowed else "denied"
        out.print(f"{iso(each.at)}  {verdict}: {each.named}", markup=False)


def rule(node: Node, name: str, *, allowed: bool) -> None:
    """Write a ruling down and say what it changes."""
    with reading(node.db) as connection:
        vocabulary = Membership(connection).vocabulary()
    guard = node.trainer.guard
    starters = None if vocabulary is None else _starters(node, vocabulary)
    before = None if vocabulary is None else guard.denied(vocabulary, starters)
    ruling = guard.rule(name, allowed=allowed)
    verdict = "Allowed" if allowed else "Denied"
    out.print(f"{verdict} from the next request on, and on record: {ruling.named}.", markup=False)
    if vocabulary is not None and before is not None:
        changed = before != guard.denied(vocabulary, starters)
        names = [c for c, moved in zip(vocabulary.concepts, changed, strict=True) if moved]
        if names:
            out.print(f"This changes {len(names)}: {', '.join(names)}", markup=False)
        else:
            out.print(
                "No concept sold here changes by it: compare the name with `sensitive list`.", markup=False
            )


def _starters(node: Node, vocabulary: Vocabulary) -> Mapping[int, Product]:
    """The products that stand for concepts in lists: of the model in use, or of all purchases before the first."""
    deployed = node.trainer.in_use()
    if deployed is not None and deployed[1].vocabulary == vocabulary.digest:
        return deployed[1].starters
    return node.records.starter_products(vocabulary, until=node.records.span()[1] + 1)


def opt_out(node: Node, customer: str, *, undo: bool) -> None:
    """Leave a customer out and say which answers that closed; or count the customer again."""
    if undo:
        node.records.opt_out(customer, opted_out=False)
        out.print("Counted again from now on.")
        return
    receipt = opting_out.opt_out(customer, db=node.db, records=node.records, door=node.door)
    out.print("Left out of every answer from now on.")
    for closed in receipt.closed:
        say_closed(closed.questions, closed.rounds)
    say_contained(receipt.contained)


def say_closed(questions: Sequence[str], rounds: Sequence[int]) -> None:
    """An answer that was closed, and in which rounds a part of it may have left."""
    asked = ", ".join(questions)
    out.print(f"Closed an unsent answer to {asked}: its round goes on without this company.", markup=False)
    if rounds:
        numbers = ", ".join(str(number) for number in rounds)
        out.print(
            f"  Masked bytes of it may have left in round {numbers}; they can be read in a sum of all companies only.",
            markup=False,
        )


def say_contained(contained: Sequence[Contained]) -> None:
    """The sums that no opt-out and no erasure reaches, and what protects the customer in each."""
    if contained:
        out.print("Sums that may still contain this customer, and from which nobody can be taken out:")
    for each in contained:
        out.print(f"  round {each.round} ({', '.join(each.questions)}): {each.privacy}", markup=False)
        if each.kept:
            out.print(f"    Its sealed vector is kept here {each.kept}.", markup=False)
