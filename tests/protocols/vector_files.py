"""The JSON vectors beside this file: operations with expected outcomes, `bad_*` where refused."""

import json
from pathlib import Path

VECTORS = Path(__file__).parent / "vectors"


def load(name: str) -> dict:
    """One file of vectors; at least a quarter of its operations must be bad ones."""
    vectors = json.loads((VECTORS / f"{name}.json").read_text())
    bad = sum(is_bad(operation) for operation in vectors["operations"])
    if 4 * bad < len(vectors["operations"]):
        raise ValueError(f"{name}.json holds {bad} bad operations of {len(vectors['operations'])}")
    return vectors


def is_bad(operation: dict) -> bool:
    """Whether an operation must be refused."""
    return operation["name"].startswith("bad_")
