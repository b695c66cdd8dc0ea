"""State diagrams drawn from the transition tables, in Mermaid, so that the README cannot disagree.

>>> print(mermaid({("idle", "advertise"): "advertised", ("advertised", "abort"): "closed"}))
stateDiagram-v2
    [*] --> idle
    idle --> advertised: advertise
    advertised --> closed: abort
    closed --> [*]
"""

from collections.abc import Mapping


def mermaid(table: Mapping[tuple[str, str], str]) -> str:
    """The table {(state, event): next state} as a Mermaid state diagram.

    States that nothing leads to are where it starts, states that lead nowhere are where it ends.
    """
    befores = [_name(state) for state, _ in table]
    afters = [_name(state) for state in table.values()]
    lines = ["stateDiagram-v2"]
    lines += [f"    [*] --> {state}" for state in dict.fromkeys(befores) if state not in afters]
    lines += [f"    {_name(state)} --> {_name(after)}: {event}" for (state, event), after in table.items()]
    lines += [f"    {state} --> [*]" for state in dict.fromkeys(afters) if state not in befores]
    return "\n".join(lines)


def _name(state: str) -> str:
    """Mermaid reads no hyphens in the names of states."""
    return state.replace("-", "_")
