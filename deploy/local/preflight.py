"""Before anything starts: is there room, which ports are free, and what will run."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from deploy.local.companies import Company
from deploy.local.faults import AlreadyThere, NotEnoughRoom
from deploy.local.memory import available_bytes, megabytes
from deploy.local.ports import LOOPBACK, choose_ports
from deploy.local.processes import left_behind

DISK_BYTES: Final = 3 * 10**9
"""Five companies' data, vectors, databases and logs, with room to spare."""

COORDINATOR_MEMORY_BYTES: Final = 1_000_000_000
COMPANY_MEMORY_BYTES: Final = 900_000_000
"""What one company's daemon and courier take at their peak (measured, rounded up)."""

FIRST_PORT: Final = 8400


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will run, and where."""

    home: Path
    members: tuple[Company, ...]
    ports: dict[str, int]

    def url(self, name: str) -> str:
        """Browser address of the console of the coordinator or of a company (by its slug)."""
        return f"http://{LOOPBACK}:{self.ports[name]}/"


def preflight(home: Path, members: tuple[Company, ...]) -> Plan:
    """Check the machine and choose the ports.

    Raises:
        AlreadyThere: a demo runs in this folder.
        NotEnoughRoom: too little memory or disk.
        NoFreePort: no port is free.
    """
    home.mkdir(parents=True, exist_ok=True)
    running = left_behind(home)
    if running:
        raise AlreadyThere(
            expected=f"no demo in {home}",
            came=f"{len(running)} running processes (pids {', '.join(str(m.pid) for m in running[:5])} ...)",
            do="end it with Ctrl-C in its terminal, or by `make demo-clean`",
        )
    memory = COORDINATOR_MEMORY_BYTES + COMPANY_MEMORY_BYTES * len(members)
    if available_bytes() < memory:
        raise NotEnoughRoom(
            expected=f"{megabytes(memory)} of free memory for {len(members)} companies",
            came=megabytes(available_bytes()),
            do="close some programs, or ask for fewer companies with --companies 3",
        )
    free = shutil.disk_usage(home).free
    if free < DISK_BYTES:
        raise NotEnoughRoom(
            expected=f"{megabytes(DISK_BYTES)} of free disk at {home}",
            came=megabytes(free),
            do="free some, or name another folder with --home",
        )
    names = ("coordinator", "partners", "enrolment", "fleet", *(member.slug for member in members))
    return Plan(home=home, members=members, ports=choose_ports(names, first=FIRST_PORT))


def show(plan: Plan, console: Console) -> None:
    """Print what will run on which address."""
    cores = len(os.sched_getaffinity(0))
    console.print(
        f"[bold]Altrove[/]: a coordinator and {len(plan.members)} companies on this machine "
        f"({cores} cores, {megabytes(available_bytes())} of memory free). "
        "All addresses are on the loopback interface; nothing leaves this machine."
    )
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("what will run", "processes", "browser"):
        table.add_column(column)
    table.add_row("Coordinator", "daemon, 3 of Flower", plan.url("coordinator"))
    for member in plan.members:
        table.add_row(
            f"[{member.colour}]■[/] {member.letter}  {member.name}",
            "daemon, 3 of Flower",
            plan.url(member.slug),
        )
    console.print(table)
    console.print("Flower's processes are couriers: they carry sealed bytes and see no data.")
    console.print(f"Everything is written under {plan.home}; logs under {plan.home / 'logs'}.\n")
