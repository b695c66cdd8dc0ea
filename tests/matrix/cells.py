"""The matrix: which process fails how in which phase, and what came of it."""

from dataclasses import asdict, dataclass
from itertools import product

from protocols.messages import Phase
from tests.matrix.faults import Kind, Process


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One fault in one phase."""

    process: Process
    phase: Phase
    kind: Kind

    def __str__(self) -> str:
        return f"{self.process.name.lower()}/{self.phase.value}/{self.kind.value}"

    @property
    def void(self) -> str:
        """Why this cell cannot be played, "" when it can."""
        if self.process is Process.CLIENTAPP and self.phase in (Phase.CHECK, Phase.UNMASK):
            return "its work is done: the bytes it carried are what closed the masking phase"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a cell. Times are seconds after the fault.

    ``outcome``: ``released``, ``retried`` (an attempt was aborted with its cause and a later one of the
    same round released), ``asked again`` (the round failed with its cause, the next one released),
    ``void`` or ``failed`` with ``why``. ``route`` is how the node's vector came. ``carried_s``: until
    Flower had carried a vector of this node again; ``rounds_over_api`` how many rounds before that one
    had to do without.
    """

    cell: str
    outcome: str
    why: str = ""
    attempts: int = 0
    causes: tuple[str, ...] = ()
    route: str = ""
    over_s: float = 0.0
    carried_s: float = 0.0
    rounds_over_api: int = 0
    unmaskings: int = 0
    exact: bool = True
    audit: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    wall_s: float = 0.0

    @property
    def well(self) -> bool:
        """Whether the cell meets the bar."""
        whole = self.outcome in ("released", "retried", "asked again")
        clean = self.exact and self.unmaskings <= 1 and not self.audit and not self.orphans
        return self.outcome == "void" or (whole and clean)

    def as_row(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {**asdict(self), "well": self.well}


CELLS = tuple(
    Cell(process=process, phase=phase, kind=kind)
    for phase, process, kind in product(
        (Phase.MASK, Phase.UNMASK, Phase.SHARE, Phase.ADVERTISE, Phase.CHECK), Process, Kind
    )
)
"""The phases with most at stake first: an interrupted run keeps its rows."""

SAMPLE = (
    Cell(process=Process.SUPERNODE, phase=Phase.MASK, kind=Kind.KILL),
    Cell(process=Process.SERVERAPP, phase=Phase.SHARE, kind=Kind.KILL),
    Cell(process=Process.NODE, phase=Phase.UNMASK, kind=Kind.KILL),
)
