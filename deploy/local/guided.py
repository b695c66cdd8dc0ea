"""The guided step: what has left one company, its STOP in mid-round, and the round without it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.markup import escape

from deploy.local.admin import RoundSeen
from deploy.local.companies import Company
from deploy.local.cycle import Cycle, privacy
from deploy.local.faults import CommandFailed
from deploy.local.windows import FIT_UNTIL, VALIDATE_UNTIL

STOPPED: Final = 2
"""Place of the company that stops: C."""

PHASE_SECONDS: Final = "8,8,16,30,30"
"""Deadlines of this round: the masked answers close 32 s after the question, so that the one that
never comes costs half a minute instead of ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What came of the round."""

    company: Company
    seen: RoundSeen

    @property
    def sentence(self) -> str:
        """The outcome in words, whatever it was."""
        survivors = self.seen.newest.survivors
        if self.seen.state != "released":
            return f"The round ended without a release: {self.seen.newest.cause} {self.seen.newest.reason}"
        if self.company.name in survivors:
            return (
                f"{self.company.name} had already sent its masked answer when it stopped, so the sum of "
                f"{len(survivors)} contains it; nothing has left it since."
            )
        return (
            f"The round was released with the sum of the other {len(survivors)} "
            f"({', '.join(sorted(survivors))}); nothing of {self.company.name} is in it."
        )


def stop_in_mid_round(cycle: Cycle, console: Console, proceed: Callable[[str], None]) -> Aftermath:
    """Show what left company C, stop it while a round is open, and follow the round to its end.

    ``proceed`` is called with a sentence before each step; it returns when the person is ready.
    """
    consortium = cycle.consortium
    company = consortium.members[STOPPED]
    home = consortium.node_home(company)
    mark = f"[{company.colour}]■[/] {company.letter}  {company.name}"
    console.print(f"[bold]What has left {mark}?[/] Its data-protection officer sees this:\n")
    console.print(escape(consortium.commands.node(home, "status")), highlight=False)
    proceed(f"Next: a round opens, and {company.name} presses STOP while its answer is being made.")
    window = {"since": str(FIT_UNTIL), "until": str(VALIDATE_UNTIL), "customers_until": str(FIT_UNTIL)}
    number = consortium.ask("taste", window, f"--phase-seconds={PHASE_SECONDS}", "--retries=0")
    consortium.admin.watch(
        number, seen=lambda _: None, check=consortium.processes.check, until=_keys_shared, within_s=60
    )
    console.print(consortium.commands.node(home, "stop").strip(), highlight=False, markup=False)
    began = time.monotonic()
    try:
        with cycle.progress.shown():
            cycle.follow(f"taste of weeks 34 to 40, {privacy(window)}, {company.name} stopped", number)
    except CommandFailed:
        seen = consortium.admin.round(number)
    else:
        seen = consortium.admin.round(number)
    aftermath = Aftermath(company=company, seen=seen)
    console.print(f"\n[bold]{escape(aftermath.sentence)}[/] ({time.monotonic() - began:.0f} s)")
    console.print(
        "What this reveals: whoever also held a sum over the same weeks with all five could compute "
        f"{company.name}'s statistics by subtraction, exactly. The five accepted that by name in their policy "
        "(accept_company_differencing); the shipped default refuses such a sum.",
        style="dim",
    )
    return aftermath


def open_again(cycle: Cycle, company: Company) -> str:
    """The officer opens the door again."""
    home = cycle.consortium.node_home(company)
    return cycle.consortium.commands.node(home, "stop", "--release", "--word=OPEN").strip()


def _keys_shared(seen: RoundSeen) -> bool:
    return seen.newest.phase not in ("advertise-keys", "share-keys")
