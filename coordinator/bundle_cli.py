"""``altrove-coordinator bundle``: which code runs in the couriers, and who vouches for it.

``sign`` runs on the release officer's machine, where the release key is and the coordinator is not: it
builds the bundle from that machine's own installation, so what is signed is what stands there, whatever
the coordinator holds. ``accept`` takes the signature to the coordinator.
"""

from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from rich.console import Console

from coordinator.courier import bundle
from coordinator.home import Home
from coordinator.settings import DEFAULT_HOME, load
from protocols.bundle import BundleSignature, ReleaseKey
from protocols.errors import BadInput
from protocols.service import durable
from protocols.service.clock import SystemClock

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="ALTROVE_COORDINATOR_HOME", help="The home folder.")
]

bundle_cli = typer.Typer(no_args_is_help=True, help="The app bundle that runs in every courier.")
out = Console(soft_wrap=True, highlight=False)


@bundle_cli.command()
def show() -> None:
    """Print the SHA-256 of the bundle that this installation would send to the couriers."""
    out.print(bundle.digest(bundle.of_this_installation()).hex())


@bundle_cli.command()
def sign(
    key: Annotated[Path, typer.Option("--key", help="The release key, Ed25519 in OpenSSH form.")],
    to: Annotated[Path, typer.Option("--to", help="Where the signature is written.")] = Path(
        "bundle.signature"
    ),
) -> None:
    """Sign this installation's bundle. Run it where the release key is: not on the coordinator's machine."""
    fab = bundle.of_this_installation()
    private = _release_key(key)
    made = BundleSignature.make(private, fab, now=SystemClock().now())
    durable.write(to, [made.json().encode()])
    out.print(f"Bundle {made.sha256.hex()} signed by {made.fingerprint}: {to}")


@bundle_cli.command()
def accept(
    file: Annotated[Path, typer.Argument(help="What `bundle sign` has written.")],
    key: Annotated[Path, typer.Option("--key", help="The release key that members trust, FILE.pub.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Send this signature along with the bundle once the daemon is started again."""
    place = Home(folder=load(home).home)
    place.check()
    signature, fab = BundleSignature.parse(_read(file)), bundle.of_this_installation()
    own = bundle.digest(fab)
    if signature.sha256 != own:
        raise BadInput(
            expected=f"a signature over this installation's bundle {own.hex()}",
            came=f"one over {signature.sha256.hex()}",
            do="sign with the version of Altrove that runs here",
        )
    ReleaseKey.parse(_read(key).decode("ascii", "replace")).verify(signature, fab)
    durable.write(place.bundle_signature, [signature.json().encode()])
    out.print(
        f"Bundle {own.hex()}, signed by {signature.fingerprint}, is sent once the daemon is started again: "
        "`altrove-coordinator serve`, or `docker compose restart coordinator`."
    )


def _release_key(path: Path) -> Ed25519PrivateKey:
    data = _read(path)
    try:
        try:
            key = load_ssh_private_key(data, None)
        except TypeError:  # it has a passphrase
            typed = typer.prompt(f"Passphrase of {path}", hide_input=True)
            key = load_ssh_private_key(data, typed.encode())
    except ValueError as error:
        raise BadInput(
            expected=f"a private key in OpenSSH form and its passphrase in {path}",
            came=str(error),
            do="try again",
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(
            expected="an Ed25519 key",
            came=type(key).__name__,
            do="make one on a machine that is not the coordinator's: `ssh-keygen -t ed25519 -f release`",
        )
    return key


def _read(path: Path) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise BadInput(expected=f"the file {path}", came=str(error), do="name an existing file") from None
