"""Worlds of real nodes and simulated members that check a sum together."""

import pytest

from tests.simulation import real_nodes
from tests.simulation.real_nodes import World


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    return real_nodes.template(tmp_path_factory.mktemp("checking"))


@pytest.fixture
def world(homes, tmp_path):
    made = World(tmp_path, homes)
    yield made
    made.close()


@pytest.fixture(scope="module")
def saved(homes, tmp_path_factory):
    return real_nodes.after_a_round(tmp_path_factory.mktemp("released"), homes)


@pytest.fixture
def released(saved, tmp_path):
    """A world whose newest release no node has seen yet, and that release."""
    made = saved.again(tmp_path)
    yield made, saved.release
    made.close()
