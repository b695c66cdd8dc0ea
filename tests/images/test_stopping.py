"""Last: every kind of container ends by itself, quietly and soon."""

import time

import pytest

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.parametrize("service", ["courier-c", "node-c", "coordinator"])
def test_a_container_ends_by_itself_within_ten_seconds(service, consortium):
    container = consortium.container(service)
    began = time.monotonic()
    consortium.engine.podman("stop", "--time", "60", container)
    assert time.monotonic() - began < 10
    assert consortium.engine.inspect(container)["State"]["ExitCode"] == 0
