"""Four companies that have joined and read their purchases in, beside a fake coordinator."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.participant import nodes


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The homes of four nodes, made once; a test works on a copy."""
    return nodes.template(tmp_path_factory.mktemp("homes"), 4)


@pytest.fixture
def start_four(homes: Path, tmp_path: Path) -> Iterator[Callable[..., nodes.Four]]:
    """Start nodes on a copy of ``homes``; a tuple of settings a node, where they differ. Closed at the end."""
    started: list[nodes.Four] = []

    def start(parts: tuple[dict[str, object], ...] = ({}, {}, {}, {})) -> nodes.Four:
        started.append(nodes.started(homes, tmp_path, parts))
        return started[-1]

    yield start
    for _, made, _ in started:
        for node in made:
            node.db.dispose()
