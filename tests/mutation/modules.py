"""Which modules are mutated, how many mutants of each, and which tests ought to kill them.

A module's own tests come first: most mutants die there. Left out: errors, limits and words, which have no logic;
the planner, which decides nothing by itself; enrolment, whose tests are the coordinator's and the node's; what
plays attempts for tests; and the service room, which is not of the protocol.
"""

from dataclasses import dataclass

TESTS = "tests/protocols"
SUM = f"{TESTS}/secure_sum"
QUESTIONS = f"{TESTS}/questions"


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


def _question(name: str, share: int) -> Module:
    path = f"protocols/questions/{name}.py"
    own = f"{QUESTIONS}/test_{name}.py"
    return Module(path=path, share=share, tests=(own, QUESTIONS, path))


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
    _sum("recomputation", 3, "recomputation"),
    _sum("linear_check", 4, "linear_check"),
    _sum("linear_contributor", 3, "linear_check"),
    _plain("policy", 5),
    _plain("history", 3),
    _plain("roster", 6),
    _plain("messages", 4, SUM),
    _plain("codec", 4, f"{TESTS}/test_messages.py", f"{SUM}/test_vectors.py"),
    _plain("ring", 4),
    _plain("ledger", 4, f"{TESTS}/test_sampled_prices.py"),
    _plain("secret_sharing", 3),
    _plain("privacy", 3, f"{TESTS}/test_sampled_prices.py"),
    _plain("merkle", 3),
    _plain("keystream", 1, f"{TESTS}/test_primitives.py"),
    _plain("masks", 2, SUM),
    _plain("together", 2, f"{TESTS}/test_identity.py"),
    _plain("restoring", 2),
    _plain("audit", 1, SUM),
    _plain("noise", 3),
    _plain("release", 2),
    _plain("participation", 1, SUM),
    _sum("linear_function", 1, "linear_check"),
    _plain("identity", 2, f"{TESTS}/test_together.py", SUM),
    _plain("subsampling", 1),
    _plain("bundle", 1),
    _plain("vocabulary", 1),
    _question("taste", 3),
    _question("rows", 3),
    _question("evaluation", 3),
    _question("registry", 3),
    _question("parameters", 2),
    _question("shrinkage", 2),
    _question("ease", 1),
    _question("ranking", 2),
    Module(
        path="protocols/questions/question.py",
        share=2,
        tests=(f"{QUESTIONS}/test_registry.py", QUESTIONS),
    ),
)
