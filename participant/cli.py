"""`altrove-node`: every verb of a company's node.

Each verb imports what it needs when it runs, so that `stop` works at once and even when the rest of the
installation does not. An error is one message (expected, came, do) and a non-zero exit code.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from participant.appetite_cli import appetite
from participant.customer_cli import erase, opt_out
from participant.sensitive_cli import sensitive
from participant.token_cli import token
from participant.verbs import DEFAULT_HOME, HomeOption, JsonOption, in_words, node_at

START_WORD: Final = "OPEN"
COLUMN_HELP: Final = "FIELD=COLUMN, for example customer=cid or catalogue.item=sku, where names are not guessed; may be repeated."
SHELF_HELP: Final = (
    "What each store stocked, showed and asked for it, and when: one row an item, store and time."
)
SURROUNDINGS_HELP: Final = "Weather, kind of place, local events: one row per day, store or both."
TRUST_HELP: Final = "The consortium's release key (FILE.pub): whose app bundles the courier may run."

app = typer.Typer(
    name="altrove-node",
    help="One company's node: its data stay here. What customers decide leaves only as one masked vector a round.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(token, name="token")
app.add_typer(appetite, name="appetite")
app.add_typer(sensitive, name="sensitive")
app.command(name="opt-out")(opt_out)
app.command()(erase)


@app.command()
@in_words
def join(
    invite: Annotated[
        str,
        typer.Option(
            "--invite", envvar="ALTROVE_NODE_INVITE", help="The whole line, from altrove1. to its end."
        ),
    ],
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[int, typer.Option("--port", help="Of the API and console, on loopback.")] = 8470,
    trust: Annotated[list[Path] | None, typer.Option("--trust", help=TRUST_HELP)] = None,
) -> None:
    """Join a consortium: keys are made here, only public keys leave."""
    from participant import joining
    from participant.commands import officer
    from participant.settings import database_url, home_at, load
    from participant.store.schema import open_database
    from protocols.enrolment import Invitation
    from protocols.service import tls
    from protocols.service.clock import SystemClock, iso

    place = home_at(home)
    invitation = Invitation.parse(invite)
    place.make()
    if trust:
        officer.trust_release_keys(place, trust)
    settings = load(place)
    db = open_database(database_url(settings, place))
    with joining.enrolment_client(invitation, settings.exchange.through) as caller:
        joined = joining.join(place, db, invitation, caller=caller, clock=SystemClock(), port=port)
    typer.echo(f"{joined.name} joined as {joined.partner.hex()}.")
    ends = iso(tls.ends_at(place.certificate))
    typer.echo(f"Its certificate ends on {ends}, and nothing renews it yet: write the date down.")
    typer.echo(officer.noise_policy(settings.policy.policy()))
    typer.echo(
        "Next: `altrove-node roster` shows the roster; accept its hash after comparing it with others."
    )


@app.command()
@in_words
def connect(
    sources: Annotated[list[Path] | None, typer.Argument(help="Parquet or CSV files, or folders.")] = None,
    home: HomeOption = DEFAULT_HOME,
    catalogue: Annotated[list[Path] | None, typer.Option("--catalogue", help="One row per item.")] = None,
    shelf: Annotated[list[Path] | None, typer.Option("--shelf", help=SHELF_HELP)] = None,
    surroundings: Annotated[list[Path] | None, typer.Option("--surroundings", help=SURROUNDINGS_HELP)] = None,
    column: Annotated[list[str] | None, typer.Option("--column", help=COLUMN_HELP)] = None,
    exclude: Annotated[list[str] | None, typer.Option("--exclude", help="A category to leave out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only.")] = False,
) -> None:
    """Read purchases, catalogue, shelves and surroundings in, and map items to the consortium's vocabulary."""
    from participant.commands import connecting
    from participant.intake import ColumnMapping

    connecting.connect(
        node_at(home),
        sources=sources or (),
        catalogue=catalogue or (),
        shelf=shelf or (),
        surroundings=surroundings or (),
        mapping=ColumnMapping.parse(column or ()),
        exclude=exclude or (),
        dry_run=dry_run,
    )


@app.command()
@in_words
def check(home: HomeOption = DEFAULT_HOME) -> None:
    """Row counts, gaps, duplicates, unmapped share, and what to fix before serving."""
    from participant.commands import checking

    if not checking.check(node_at(home)):
        raise typer.Exit(2)


@app.command(name="dry-run")
@in_words
def dry_run(home: HomeOption = DEFAULT_HOME) -> None:
    """Answer every question, send nothing, and say in words what would leave."""
    from participant.commands import shown
    from participant.commands.dry_run import rehearse, would_refuse

    node = node_at(home)
    shown.rehearsed(rehearse(node))
    refusal = would_refuse(node)
    if refusal:
        typer.echo(f"At present no round would be answered: {refusal}.")


@app.command()
@in_words
def serve(
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[int | None, typer.Option("--port", help="Of the API and console.")] = None,
    log: Annotated[Path | None, typer.Option("--log", help="JSON lines; standard error without it.")] = None,
) -> None:
    """Take part in rounds, serve recommendations, show the console."""
    from participant.app import Daemon
    from participant.node import open_node
    from participant.settings import home_at, load
    from protocols.service import logging

    settings = load(home_at(home))
    logging.configure(file=log)
    if port is not None:
        settings = settings.model_copy(update={"listen": settings.listen.model_copy(update={"port": port})})
    daemon = Daemon(open_node(home_at(home), settings))
    typer.echo(f"Console and API: {daemon.address}", err=True)
    daemon.run()


@app.command()
@in_words
def courier(
    work: Annotated[
        Path,
        typer.Option("--work", help="Folder for the courier's own temporary files; outside the node's home."),
    ],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Run the courier alone, in a container of its own; the node's settings say courier.mode = "apart"."""
    from participant.commands.courier import run

    run(home.expanduser().resolve(), work)


@app.command()
@in_words
def trust(
    keys: Annotated[list[Path], typer.Argument(help=TRUST_HELP)],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Trust these release keys and no others; compare the fingerprints first.

    A courier beside the daemon starts anew at once, one in a container has to be restarted.
    """
    from participant.commands import officer
    from participant.settings import home_at, load

    place = home_at(home)
    officer.trust_release_keys(place, keys)
    officer.say_when_trust_counts(load(place).courier)


@app.command()
@in_words
def recommend(
    customer: Annotated[str, typer.Argument(help="A customer's id in your own data.")],
    home: HomeOption = DEFAULT_HOME,
    count: Annotated[int, typer.Option("-n", "--count", help="How many suggestions.")] = 5,
    scenario: Annotated[str, typer.Option("--scenario", help="surprise or explore")] = "surprise",
    as_json: JsonOption = False,
) -> None:
    """Show what one customer would be suggested, with reasons."""
    from participant.api.recommendations import answer_of
    from participant.commands import shown
    from participant.serving import Recommender, Wish

    node = node_at(home)
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    served = recommender.serve(Wish(customer=customer, scenario=scenario, n=count))
    if as_json:
        typer.echo(answer_of(served).model_dump_json(indent=1))
    else:
        shown.recommended(served)


@app.command()
@in_words
def nonbuyers(
    concept: Annotated[str, typer.Argument(help="A concept of the vocabulary; all together without.")] = "",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Who does not buy, and the likely reasons, beside the consortium's band."""
    from participant.api.nonbuyers import answer_of
    from participant.commands import shown

    report = node_at(home).nonbuyers.report(concept)
    if as_json:
        typer.echo(answer_of(report).model_dump_json(indent=1))
    else:
        shown.reasoned(report)


@app.command()
@in_words
def status(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """How the node stands and what has left it."""
    from participant.commands import shown
    from participant.overview import Overview
    from participant.serving import Recommender
    from protocols.service import tls
    from protocols.service.clock import iso

    node = node_at(home)
    view = Overview(
        node, Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    )
    ends = iso(tls.ends_at(node.home.certificate))
    if as_json:
        shown.as_json(asdict(view.status()) | {"certificate_ends": ends})
    else:
        shown.stood(
            view.status(),
            view.departures(0, 20),
            node.attempts_closed(),
            view.budget(),
            certificate_ends=ends,
        )


@app.command()
@in_words
def budget(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """What of the privacy budget is spent, and what each answer cost."""
    from participant.budget import standing
    from participant.commands import shown

    node = node_at(home)
    found = standing(node.db, node.settings.policy.policy(), node.clock.now())
    if as_json:
        shown.as_json(found)
    else:
        shown.spent(found)


@app.command()
@in_words
def verify(
    round_number: Annotated[int, typer.Argument(metavar="ROUND", help="The round of a kept release.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Recompute a released sum from the masked vectors of its round, however large."""
    from participant.verdicts import Outcome

    verdict = node_at(home).releases.verify(round_number)
    typer.echo(f"Round {verdict.round}.{verdict.attempt}: {verdict.outcome.value}. {verdict.reason}")
    if verdict.outcome is not Outcome.VERIFIED:
        raise typer.Exit(1 if verdict.outcome is Outcome.WRONG else 2)


@app.command()
@in_words
def attest(
    partner: Annotated[str, typer.Argument(help="Id of the member that was restored, 32 hex digits.")],
    challenge: Annotated[str, typer.Argument(help="What its `restored` command shows.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Say what this company saw of another one before its restore: a line to hand over."""
    from participant.commands import restore

    restore.attest(node_at(home), partner, challenge)


@app.command()
@in_words
def restored(
    home: HomeOption = DEFAULT_HOME,
    attestation: Annotated[list[str] | None, typer.Option("--attestation", help="A peer's line.")] = None,
    abandon: Annotated[bool, typer.Option("--abandon", help="Give up answers that peers know of.")] = False,
) -> None:
    """After a restore from a backup: whom to ask for what; with enough attestations, go on."""
    from participant.commands import restore

    if not restore.settle(node_at(home), attestation or [], abandon=abandon):
        raise typer.Exit(2)


@app.command()
def stop(
    home: HomeOption = DEFAULT_HOME,
    release: Annotated[bool, typer.Option("--release", help="Open the door again.")] = False,
    word: Annotated[str, typer.Option("--word", help="The typed word, for scripts.")] = "",
) -> None:
    """STOP: nothing leaves from now on. Needs no daemon and no coordinator."""
    _stop(home, release=release, word=word)


@in_words
def _stop(home: Path, *, release: bool, word: str) -> None:
    from participant.switch import StopSwitch
    from protocols.errors import BadInput

    path = home.expanduser().resolve() / "door.state"
    if not path.exists() and not (path.parent / "keys" / "identity.seed").exists():
        raise BadInput(
            expected="the home of a node that has joined",
            came=f"{path.parent}, which holds neither a door nor an identity",
            do="name the node's folder with --home; nothing changed",
        )
    switch = StopSwitch(path)
    if not release:
        switch.stop()
        typer.echo(f"STOPPED. Nothing leaves the node in {path.parent}; {path} keeps its door closed.")
        return
    typed = word or typer.prompt(f"Opening the door lets masked answers leave again. Type {START_WORD}")
    if typed.strip() != START_WORD:
        typer.echo(f"The door stays closed: {START_WORD} was not typed.", err=True)
        raise typer.Exit(1)
    switch.release()
    typer.echo("The door is open.")


@app.command()
@in_words
def roster(
    home: HomeOption = DEFAULT_HOME,
    accept: Annotated[str, typer.Option("--accept", help="The hash, after comparing it with others.")] = "",
) -> None:
    """Show the roster on offer, or accept it by its hash."""
    from participant.commands import officer

    officer.show_or_accept(node_at(home), accept)


def main() -> None:
    """Entry point of the console script."""
    sys.exit(app())


if __name__ == "__main__":
    main()
