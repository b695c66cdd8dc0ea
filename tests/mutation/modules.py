"""Which modules are mutated, how many mutants of each, and which tests ought to kill them.

A module's own tests come first: most mutants die there. Errors and limits have no logic; the service room is
not of the protocol.
"""

from dataclasses import dataclass

TESTS = "tests/protocols"
SUM = f"{TESTS}/secure_sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """``share`` of 100 mutants of the default sample; ``tests`` in the order in which they run."""

    path: str
    share: int
    tests: tuple[str, ...]


def _plain(name: str, share: int, *more: str) -> Module:
    path = f"protocols/{name}.py"
    return Module(path=path, share=share, tests=(f"{TESTS}/test_{name}.py", path, *more))


def _sum(name: str, share: int, *first: str) -> Module:
    path = f"protocols/secure_sum/{name}.py"
    return Module(path=path, share=share, tests=(*(f"{SUM}/test_{each}.py" for each in first), path, SUM))


MODULES = (
    _sum("contributor", 13, "contributor"),
    _sum("collector", 9, "collector"),
    _sum("unmasking", 8, "unmasking"),
    _sum("admission", 4, "contributor"),
    _sum("sealing", 4, "sealing"),
    _sum("agreement", 4, "agreement"),
    _sum("hybrid", 4, "hybrid", "hybrid_sum"),
    _sum("encapsulation", 1, "encapsulation"),
    _sum("states", 3, "states"),
    _sum("attempts", 2, "attempts"),
    _sum("dealing", 2, "contributor"),
    _sum("transcript", 1, "contributor"),
    _plain("policy", 11),
    _plain("roster", 8),
    _plain("messages", 6, SUM),
    _plain("codec", 5, f"{TESTS}/test_messages.py"),
    _plain("ring", 5),
    _plain("secret_sharing", 4),
    _plain("merkle", 4),
    _plain("keystream", 1, f"{TESTS}/test_primitives.py"),
    _plain("masks", 2, SUM),
    _plain("together", 2, f"{TESTS}/test_identity.py"),
    _plain("audit", 2),
)
