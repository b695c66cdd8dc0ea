"""`altrove-node token`: bearer tokens for the shop's own programs."""

from typing import Annotated

import typer

from participant.verbs import DEFAULT_HOME, HomeOption, in_words, node_at

token = typer.Typer(help="Bearer tokens for this node's API.", no_args_is_help=True)


@token.command(name="new")
@in_words
def token_new(
    label: Annotated[str, typer.Argument(help="Who will use it.")],
    home: HomeOption = DEFAULT_HOME,
    days: Annotated[int, typer.Option("--days", help="0: until revoked.")] = 0,
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            help="recommend: POST /v1/recommendations; report: GET /v1/nonbuyers; appetite: POST /v1/appetite.",
        ),
    ] = "recommend",
) -> None:
    """Issue a token for this node's API; it is shown once."""
    from participant.commands import officer

    officer.new_token(node_at(home), label, days, scope)


@token.command(name="list")
@in_words
def token_list(home: HomeOption = DEFAULT_HOME) -> None:
    """List issued tokens by id."""
    from participant.commands import officer

    officer.list_tokens(node_at(home))


@token.command(name="revoke")
@in_words
def token_revoke(
    token_id: Annotated[str, typer.Argument(help="As `token list` shows it.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Make a token worthless at once."""
    from participant.commands import officer

    officer.revoke_token(node_at(home), token_id)
