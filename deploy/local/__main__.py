"""``python -m deploy.local``: the demo from preflight to Ctrl-C. ``make demo`` calls it."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from rich.console import Console

from deploy.local.clean import clean
from deploy.local.results import RESULTS
from deploy.local.story import Options, tell
from protocols.errors import AltroveError

HOME = Path(".altrove") / "demo"


def arguments(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make demo ARGS=...", description=__doc__)
    parser.add_argument("--companies", type=int, default=5, help="how many (3 to 20)")
    parser.add_argument("--yes", action="store_true", help="ask nothing, end by itself")
    parser.add_argument("--generated", action="store_true", help="made-up numbers instead of real data")
    parser.add_argument("--home", type=Path, default=HOME, help="where everything is written")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of figures")
    parser.add_argument("--pictures", type=Path, help="take the README's pictures into this folder")
    parser.add_argument("--clean", action="store_true", help="remove everything the demo wrote")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Run or clean; errors are one sentence and exit code 1."""
    asked = arguments(words)
    # A log file has no width of its own; a picture needs a fixed one.
    width = None if sys.stdout.isatty() and asked.pictures is None else 100
    console = Console(highlight=False, record=asked.pictures is not None, width=width)
    # A terminal that is closed ends the demo like Ctrl-C: everything it started goes with it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        if asked.clean:
            clean(asked.home.resolve(), console)
            return 0
        tell(
            Options(
                home=asked.home.resolve(),
                companies=asked.companies,
                unattended=asked.yes,
                generated=asked.generated,
                results=asked.results,
                pictures=asked.pictures,
            ),
            console,
        )
    except AltroveError as error:
        console.print(f"\n[bold red]{type(error).__name__}[/]", highlight=False)
        for label, text in (("expected", error.expected), ("came", error.came), ("do", error.do)):
            console.print(f"  {label:9} {text}", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nInterrupted. Everything that was started has ended; logs are kept.")
        return 130
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
