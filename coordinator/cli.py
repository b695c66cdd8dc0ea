"""``altrove-coordinator``: set a consortium up, run it, ask questions, look at what became of them.

Every verb takes ``--home``; ``--json`` where a program reads the output. All but ``init``, ``serve``,
``token``, ``plan``, ``bundle`` and ``audit verify`` talk to the running daemon through its admin API.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console

from coordinator import entropy, shown, train_cli, typed
from coordinator.admin_client import POLL_S, Admin
from coordinator.api import shapes
from coordinator.audit.verification import verify
from coordinator.bundle_cli import bundle_cli
from coordinator.home import ADMIN, Home, initialise, record_of
from coordinator.landmarks_cli import landmarks
from coordinator.plan_cli import plan
from coordinator.releases.publishing import Payloads
from coordinator.rounds.spool import Spool
from coordinator.settings import DEFAULT_HOME, load
from coordinator.store.consortia import Consortia
from coordinator.store.tokens import Tokens
from protocols.errors import AltroveError, BadInput
from protocols.messages import PHASES
from protocols.questions import QUESTIONS
from protocols.service import tls
from protocols.service.clock import SystemClock, iso
from protocols.service.tokens import RANDOM_BYTES, mint
from protocols.service.unit_of_work import engine, reading, transaction

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="ALTROVE_COORDINATOR_HOME", help="The home folder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535)]

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Set a consortium up, run it, ask questions, look at what became of them. All verbs but init, serve, "
    "token, bundle, plan and audit verify need the running daemon.",
    pretty_exceptions_enable=False,
)
audit_cli = typer.Typer(no_args_is_help=True, help="The audit log.")
cli.add_typer(audit_cli, name="audit")
cli.add_typer(bundle_cli, name="bundle")
cli.command()(plan)
cli.command()(landmarks)
out = Console(soft_wrap=True, highlight=False)


def main() -> None:
    """Entry of the console script: errors in words, exit status 1."""
    try:
        cli()
    except AltroveError as error:
        Console(stderr=True, soft_wrap=True).print(
            f"[red]{type(error).__name__}[/]: expected {error.expected}\n  came: {error.came}\n  do: {error.do}",
            highlight=False,
        )
        sys.exit(1)


@cli.command()
def init(
    name: Annotated[str, typer.Option(help="The consortium's name.")],
    home: HomeOption = DEFAULT_HOME,
    host: Annotated[str | None, typer.Option(help="Address to bind for companies.")] = None,
    public_host: Annotated[
        str | None,
        typer.Option(
            help="Name that companies connect to; goes into the certificate and every invitation, and cannot "
            "be changed later."
        ),
    ] = None,
    partner_port: Port = None,
    enrol_port: Port = None,
    admin_port: Port = None,
    fleet_port: Port = None,
    database: Annotated[
        str | None, typer.Option(help="Database URL; SQLite in the home folder by default.")
    ] = None,
) -> None:
    """Make keys, certificates and database of a new consortium."""
    settings = load(
        home,
        host=host,
        public_host=public_host,
        partner_port=partner_port,
        enrol_port=enrol_port,
        admin_port=admin_port,
        fleet_port=fleet_port,
        database=database,
    )
    made = initialise(settings, name, SystemClock())
    out.print(f"{made.name}: consortium {made.consortium.hex()}, home {settings.home}")
    ends = iso(tls.ends_at(Home(folder=settings.home).server[0]))
    out.print(f"Its certificate ends on {ends}, and nothing renews it yet: write the date down.")
    out.print(
        "Next: sign the couriers' bundle where the release key is (`bundle sign`), `bundle accept` it here, "
        "`serve`, then `invite NAME` for every company."
    )


@cli.command()
def serve(
    home: HomeOption = DEFAULT_HOME,
    courier: Annotated[str | None, typer.Option(help="flower, or off: members upload by themselves.")] = None,
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C."""
    from coordinator.launch import serve as run

    run(load(home, courier=courier))


@cli.command()
def invite(
    name: Annotated[str, typer.Argument(help="The company's name in the consortium.")],
    home: HomeOption = DEFAULT_HOME,
    days: Annotated[int, typer.Option(min=1, max=365, help="How long it may be used.")] = 14,
    as_json: JsonOption = False,
) -> None:
    """Print an invitation for the company NAME: one line, good for one node, shown once."""
    made = Admin(home).invite(name, days)
    # Plain print: rich would wrap or colour a line that is to be copied.
    print(made.model_dump_json() if as_json else made.invitation)  # noqa: T201
    typer.echo(shown.INVITED, err=True)


@cli.command()
def members(
    home: HomeOption = DEFAULT_HOME,
    admit: Annotated[str, typer.Option(help="Propose to add a member who has joined.")] = "",
    remove: Annotated[str, typer.Option(help="Propose to remove a member.")] = "",
    withdraw: Annotated[bool, typer.Option(help="Give up the open proposal.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List members and the roster, or propose a change of it."""
    admin = Admin(home)
    for verb, member in (("admit", admit), ("remove", remove)):
        if member:
            admin.change_roster(verb, member)
    if withdraw:
        admin.change_roster("withdraw")
    listed, roster = admin.members(), admin.roster()
    if as_json:
        _print_json({"members": [each.model_dump() for each in listed], "roster": roster.model_dump()})
    else:
        shown.show_members(out, listed, roster)


@cli.command()
def found(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Propose the first roster with everybody who has joined."""
    roster = Admin(home).change_roster("found")
    if as_json:
        _print_json(roster.model_dump())
    else:
        shown.show_proposal(out, roster)


@cli.command()
def vocabulary(
    file: Annotated[Path, typer.Argument(help="One concept a line, UTF-8.")],
    home: HomeOption = DEFAULT_HOME,
    name: Annotated[str, typer.Option(help="The vocabulary's name.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Publish a vocabulary."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            expected="a UTF-8 text file", came=str(error), do="give the path of the list"
        ) from None
    made = Admin(home).publish(name or file.stem, [line.strip() for line in lines if line.strip()])
    if as_json:
        _print_json(made.model_dump())
    else:
        out.print(f"{made.name!r} version {made.version}: {made.concepts} concepts, {made.digest}")


@cli.command()
def ask(
    question: Annotated[str, typer.Argument(help=f"{' or '.join(QUESTIONS)}.")],
    parameters: Annotated[
        list[str] | None,
        typer.Argument(
            help="NAME=VALUE, for example until=2017-08-14. With noise=2.45 every company adds noise of so many "
            "sensitivities; without it there is no differential privacy."
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    member: Annotated[list[str] | None, typer.Option(help="Ask only these members.")] = None,
    minimum_cohort: Annotated[int, typer.Option(help="Fewest answers in the sum; 0: the default.")] = 0,
    phase_seconds: Annotated[
        str, typer.Option(help=f"Longest durations of {', '.join(PHASES)}, for example 60,60,600,60,60.")
    ] = "",
    suite: Annotated[
        int | None, typer.Option(help="1, or 2: keys that no quantum computer opens later.", min=1, max=2)
    ] = None,
    ring_bits: Annotated[int, typer.Option(help="32 or 64.")] = 32,
    epoch: Annotated[str, typer.Option(help="Name of the data's state; a new one allows a new sum.")] = "1",
    retries: Annotated[int | None, typer.Option(help="Attempts that may follow a failed one.")] = None,
    wait: Annotated[bool, typer.Option(help="Follow the round until it is over.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a question to the members. Unless noise is asked for, its sum has no differential privacy."""
    admin = Admin(home)
    number = admin.ask(
        shapes.AskRequest(
            question=question,
            parameters=typed.parameters(parameters or []),
            cohort=member or [],
            minimum_cohort=minimum_cohort,
            phase_seconds=typed.durations(phase_seconds),
            suite=suite,
            ring_bits=ring_bits,
            epoch=epoch,
            retries=retries,
        )
    )
    if wait:
        last = _follow(admin, number, quiet=as_json)
        if as_json:
            _print_json(last.model_dump())
        if last.state != "released":
            raise typer.Exit(2)
    elif as_json:
        _print_json({"round": number, "privacy": admin.round(number).privacy})
    else:
        out.print(f"Round {number} is open: `altrove-coordinator rounds {number} --wait` follows it.")
        out.print(f"Privacy of one customer: {admin.round(number).privacy}.")


@cli.command()
def train(
    parameters: Annotated[
        list[str], typer.Argument(help="NAME=VALUE of `encoder`: taste=RELEASE until=2017-08-14 and others.")
    ],
    home: HomeOption = DEFAULT_HOME,
    evaluate: Annotated[
        str,
        typer.Option(
            help="NAME=VALUE of `evaluation`, in one argument: 'history_until=2017-08-14 target_until=2017-10-02'. "
            "Without it nothing is measured: all rounds are made."
        ),
    ] = "",
    max_rounds: train_cli.Rounds = 20,
    patience: train_cli.Patience = 4,
    metric: Annotated[str, typer.Option(help="explore or surprise: which one decides.")] = "surprise",
    phase_seconds: Annotated[str, typer.Option(help="As with `ask`.")] = "",
    epoch: Annotated[str, typer.Option(help="As with `ask`.")] = "1",
    as_json: JsonOption = False,
) -> None:
    """Train an encoder from a taste release, round by round; given again, it goes on where it stands."""
    best = train_cli.run(
        home,
        parameters,
        evaluate=evaluate,
        rounds=max_rounds,
        patience=patience,
        metric=metric,
        asking=shapes.AskRequest(question="", phase_seconds=typed.durations(phase_seconds), epoch=epoch),
        follow=lambda admin, number: _follow(admin, number, quiet=as_json),
        say=lambda words: None if as_json else out.print(words),
    )
    if as_json:
        _print_json(train_cli.as_plain(best))


@cli.command()
def rounds(
    number: Annotated[int, typer.Argument(help="One round in full.")] = 0,
    home: HomeOption = DEFAULT_HOME,
    wait: Annotated[bool, typer.Option(help="Follow it until it is over.")] = False,
    abort: Annotated[str, typer.Option(help="End it, with this reason.")] = "",
    limit: Annotated[int, typer.Option(help="How many to list.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List rounds, or show one: phases, who is in, why it failed and what to do."""
    admin = Admin(home)
    if number == 0:
        listed = admin.rounds(limit)
        if as_json:
            _print_json([each.model_dump() for each in listed])
        else:
            shown.show_rounds(out, listed)
        return
    view = admin.abort(number, abort) if abort else admin.round(number)
    if wait:
        view = _follow(admin, number, quiet=as_json)
    if as_json:
        _print_json(view.model_dump())
    else:
        shown.show_round(out, view)


@cli.command()
def releases(
    release: Annotated[str, typer.Argument(help="One release with its reading.")] = "",
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """List releases, or show one with what its sum says (for `evaluation`: the chosen lambda)."""
    admin = Admin(home)
    listed: list[shapes.ReleaseReply] = [admin.release(release)] if release else admin.releases()
    if as_json:
        _print_json(listed[0].model_dump() if release else [each.model_dump() for each in listed])
    elif release:
        shown.show_release(out, listed[0])
    else:
        shown.show_releases(out, listed)


@cli.command()
def token(
    label: Annotated[str, typer.Argument(help="Who or what will use it.")],
    home: HomeOption = DEFAULT_HOME,
    days: Annotated[int, typer.Option(help="0: until it is revoked.", min=0)] = 0,
    revoke: Annotated[bool, typer.Option(help="LABEL is a token's id: revoke it.")] = False,
) -> None:
    """Issue an admin token (shown once), or revoke one."""
    settings = load(home)
    Home(folder=settings.home).check()
    now, db = SystemClock().now(), engine(settings.database_url)
    with transaction(db) as connection:
        if revoke:
            if not Tokens(connection).revoke(label):
                raise BadInput(expected="the id of a token", came=label, do="copy it from when it was issued")
            out.print(f"Token {label} is revoked.")
            return
        made = mint(ADMIN, entropy.random_bytes(RANDOM_BYTES))
        record = record_of(made, label, now + days * 86_400 if days else 0)
        Tokens(connection).add(made, record, now)
    print(made.text)  # noqa: T201  # nothing around it: it is piped into files
    Console(stderr=True).print(f"id {record.token_id}; it is shown only once")


@audit_cli.command("verify")
def audit_verify(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Recompute everything from database and spool; needs no daemon. Exit status 3 on any problem."""
    settings = load(home)
    folder = Home(folder=settings.home)
    folder.check()
    db = engine(settings.database_url)
    with reading(db) as connection:
        consortium = Consortia(connection).get()
    checks = verify(db, consortium, Spool(folder=folder.spool), Payloads(folder=folder.releases))
    if as_json:
        _print_json([{"what": c.what, "checked": c.checked, "problem": c.problem} for c in checks])
    else:
        shown.show_checks(out, checks)
    if any(check.problem for check in checks):
        raise typer.Exit(3)


def _follow(admin: Admin, number: int, *, quiet: bool) -> shapes.RoundReply:
    """Print each phase change until the round is over."""
    seen, last = 0, ""
    while True:
        view = admin.round(number, after=seen, wait_s=POLL_S if seen else 0)
        line = shown.progress(view)
        if not quiet and line != last:
            out.print(line)
        seen, last = view.sequence, line
        if view.state != "open":
            return view


def _print_json(content: object) -> None:
    print(json.dumps(content, indent=2, default=BaseModel.model_dump))  # noqa: T201  # for programs, unwrapped
