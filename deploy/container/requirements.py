"""Print what one of the three images has to install: lines of pyproject.toml, no more than it runs.

``python3 requirements.py courier``, beside pyproject.toml. The node takes everything. The coordinator reads
no sales and trains nothing. The courier hands bytes on and knows neither databases nor numbers.
"""

import re
import sys
import tomllib
from pathlib import Path

NODE_ONLY = frozenset({"duckdb", "pyarrow", "threadpoolctl", "tomli-w", "torch"})
COURIER = frozenset({"cryptography", "flwr", "structlog", "typer"})
TARGETS = ("node", "courier", "coordinator")


def requirements(project: Path, target: str) -> list[str]:
    """The requirements of ``target`` from the pyproject.toml at ``project``, PostgreSQL's driver included."""
    content = tomllib.loads(project.read_text("utf-8"))["project"]
    wanted: list[str] = content["dependencies"]
    if target == "courier":
        return [line for line in wanted if name_of(line) in COURIER]
    if target == "coordinator":
        wanted = [line for line in wanted if name_of(line) not in NODE_ONLY]
    return [*wanted, *content["optional-dependencies"]["postgres"]]


def name_of(requirement: str) -> str:
    """The project that a requirement names.

    >>> name_of("psycopg[binary]>=3.3,<3.4")
    'psycopg'
    """
    return re.split(r"[\[<>=!~; ]", requirement)[0]


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"expected one of {', '.join(TARGETS)}; came: {' '.join(sys.argv[1:]) or 'nothing'}")
    print("\n".join(requirements(Path("pyproject.toml"), sys.argv[1])))
