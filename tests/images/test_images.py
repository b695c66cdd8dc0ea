"""What the three images are: who runs, what is in them, what cannot be changed."""

import pytest

from tests.images import ground
from tests.images.engine import Engine

pytestmark = pytest.mark.timeout(1800)
USERS = {"node": "10001:10001", "courier": "10002:10001", "coordinator": "10003:10003"}
SHUT_IN = (
    "--rm",
    "--network",
    "none",
    "--read-only",
    "--cap-drop",
    "all",
    "--security-opt",
    "no-new-privileges",
)


def python(engine: Engine, image: str, code: str) -> str:
    return engine.podman("run", *SHUT_IN, "--entrypoint", "python", image, "-c", code).strip()


@pytest.mark.parametrize("target", ground.TARGETS)
def test_an_image_runs_as_its_fixed_user_and_not_as_root(target, images, engine):
    image = engine.inspect(images[target])
    assert image["User"] == USERS[target]
    assert image["Config"]["StopSignal"] in {"SIGTERM", "15"}
    assert image["Healthcheck"]["Test"] == ["CMD", "python", "/opt/healthy.py", target]
    said = python(engine, images[target], "import os; print(f'{os.getuid()}:{os.getgid()}', os.getgroups())")
    assert said == f"{USERS[target]} [{USERS[target].split(':')[1]}]"


@pytest.mark.parametrize("target", ground.TARGETS)
def test_nothing_that_an_image_brings_can_be_changed_by_its_user(target, images, engine):
    code = (
        "import os\n"
        "for folder, folders, files in os.walk('/'):\n"
        "    folders[:] = [f for f in folders if os.path.join(folder, f) not in"
        " ('/proc', '/sys', '/dev', '/tmp', '/run', '/var/tmp')]\n"
        "    for name in [*folders, *files]:\n"
        "        path = os.path.join(folder, name)\n"
        "        if not os.path.islink(path) and os.access(path, os.W_OK): print(path)\n"
    )
    # The file system is writable here: what counts is whose it is.
    words = ("--rm", "--network", "none", "--entrypoint", "python", images[target], "-c", code)
    mine = {path for path in engine.podman("run", *words).split() if not path.startswith("/var/lib/altrove")}
    assert mine == {"/var/lock"} or not mine


@pytest.mark.parametrize("target", ground.TARGETS)
def test_an_image_has_no_package_manager_and_no_compiler_of_ours(target, images, engine):
    code = (
        "import importlib.util, shutil; print([n for n in ('pip', 'ensurepip_') if importlib.util.find_spec(n)],"
        " [n for n in ('gcc', 'cc', 'g++', 'make') if shutil.which(n)])"
    )
    assert python(engine, images[target], code) == "[] []"


def test_the_courier_image_holds_flower_and_no_learning_and_no_reader_of_sales(images, engine):
    code = (
        "import importlib.util as u; names = ('torch', 'duckdb', 'pyarrow', 'scipy', 'psycopg', 'safetensors', 'jinja2',"
        " 'prometheus_client', 'pydantic_settings'); print([n for n in names if u.find_spec(n)])"
    )
    assert python(engine, images["courier"], code) == "[]"


def test_the_coordinator_image_holds_no_learning_and_no_reader_of_sales(images, engine):
    code = "import importlib.util as u; print([n for n in ('torch', 'duckdb', 'pyarrow') if u.find_spec(n)])"
    assert python(engine, images["coordinator"], code) == "[]"


@pytest.mark.parametrize("target", ground.TARGETS)
def test_no_trace_of_the_build_is_left(target, images, engine):
    code = (
        "import os; print([p for p in ('/build', '/opt/pip', '/opt/app', '/etc/pip.conf', '/root/.cache')"
        " if os.path.exists(p)])"
    )
    assert python(engine, images[target], code) == "[]"
    assert "127.0.0.1" not in engine.podman("history", "--no-trunc", images[target])
