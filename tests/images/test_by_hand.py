"""The same consortium by hand: the block of the README, as it stands."""

import pytest

from tests.images import documents
from tests.images.conftest import COMPANIES, Consortium, say

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture
def cleared(engine):
    """The names and subnets are the compose file's too: none of these containers stays."""
    yield
    engine.clear()


@pytest.mark.usefixtures("cleared")
def test_the_commands_of_the_readme_end_in_a_released_round(prepared, engine):
    (by_hand,) = documents.blocks(documents.COMPOSE / "README.md", under="The same by hand")
    said = engine.shell(by_hand, prepared, within_s=600)
    say(said.strip().splitlines()[-1])
    consortium = Consortium(engine=engine, folder=prepared, name="{}")
    seen = consortium.round(1)
    assert seen["state"] == "released"
    assert seen["attempts"][-1]["routes"] == {f"Company {letter}": "dock" for letter in COMPANIES}
    for letter in COMPANIES:
        assert engine.inspect(f"courier-{letter}")["HostConfig"]["NetworkMode"] == "none"
