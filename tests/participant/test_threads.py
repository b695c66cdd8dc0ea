"""Linear algebra in the daemon: one thread unless the settings say more, on however many processors."""

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from participant.app import Daemon
from participant.settings import ListenSettings, TrainingSettings
from protocols.service.flower import free_port
from protocols.service.jobs import Jobs
from protocols.service.listeners import Listeners
from tests.participant import nodes
from tests.participant.asked import consortium


@pytest.mark.parametrize("threads", [1, 2])
def test_a_daemon_multiplies_with_as_many_threads_as_its_settings_say(threads, tmp_path, monkeypatch):
    coordinator, members, clock = consortium(3)
    node = nodes.start(
        tmp_path / "home",
        members[0],
        coordinator,
        clock,
        listen=ListenSettings(port=free_port()),
        training=TrainingSettings(threads=threads),
    )
    seen: list[dict[str, object]] = []
    monkeypatch.setattr(Jobs, "start", lambda *_: None)
    monkeypatch.setattr(Listeners, "run", lambda _: seen.extend(threadpool_info()))
    with threadpool_limits(
        3, user_api="blas"
    ):  # as if there were three processors, and no variable said otherwise
        Daemon(node).run()
    blas = {str(pool["filepath"]): pool["num_threads"] for pool in seen if pool["user_api"] == "blas"}
    assert {name for name in ("numpy", "scipy") for path in blas if f"{name}.libs" in path} == {
        "numpy",
        "scipy",
    }
    assert set(blas.values()) == {threads}
