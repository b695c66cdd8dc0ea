"""One engine, three images and one running consortium for all tests of this folder; nothing stays."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local import data
from deploy.local.companies import companies
from tests.images import documents, ground
from tests.images.engine import Engine, missing

COMPANIES: Final = "abc"
PROJECT: Final = "altrove-test"
PORTS: Final = {
    "COORDINATOR_PORT": "17400",
    "NODE_A_PORT": "18471",
    "NODE_B_PORT": "18472",
    "NODE_C_PORT": "18473",
}


READABLE: Final = "chgrp -R 10001 data && chmod -R u=rwX,g=rX,o= data"
"""As the README has it: the sales are readable by the node's group and nobody else."""


def first_start() -> list[str]:
    """The README's blocks of the first start: the release officer's, then the consortium's."""
    return documents.blocks(documents.COMPOSE / "README.md", under="The first start")


def say(what: str) -> None:
    """One line for whoever watches."""
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    if reason := missing():
        pytest.skip(reason)
    opened = Engine(folder=Path(tempfile.mkdtemp(prefix="altrove-", dir="/var/tmp")))
    yield opened
    say("removing containers, networks, volumes and images")
    opened.close()


@pytest.fixture(scope="session")
def images(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Target -> name of its image, built by the commands of the README on a base of our own."""
    say("making the base image")
    where = ground.make_base(engine)
    wheels = tmp_path_factory.mktemp("wheels")
    say("collecting wheels")
    ground.collect_wheels(wheels)
    secret = engine.folder / "pip.conf"
    with ground.package_index(wheels) as configuration:
        secret.write_text(configuration)
        engine.environment["ALTROVE_TEST_BUILD"] = f"--build-arg BASE={where} --secret id=pip,src={secret}"
        (build,) = documents.blocks(documents.CONTAINER / "README.md")
        for command in build.splitlines():
            began = time.monotonic()
            engine.shell(command, ground.ROOT, within_s=900)
            say(f"{command.split(' --file')[0]}: {time.monotonic() - began:.0f} s")
    shutil.rmtree(wheels)
    built = {target: f"localhost/altrove/{target}:latest" for target in ground.TARGETS}
    for target, name in built.items():
        size = int(engine.podman("image", "inspect", "--format", "{{.Size}}", name))
        say(f"{target}: {size / 1e6:.0f} MB")
    return built


@dataclass(frozen=True, slots=True, kw_only=True)
class Consortium:
    """A running consortium, its folder and how its containers are called."""

    engine: Engine
    folder: Path
    name: str = PROJECT + "_{}_1"

    def container(self, service: str) -> str:
        """The container of a service."""
        return self.name.format(service)

    def coordinator(self, *words: str) -> str:
        """A verb of the coordinator."""
        container = self.container("coordinator")
        return self.engine.podman("exec", container, "altrove-coordinator", *words, within_s=300)

    def round(self, number: int) -> dict[str, Any]:
        """What the coordinator says of a round."""
        found: dict[str, Any] = json.loads(self.coordinator("rounds", str(number), "--json"))
        return found

    def address(self, service: str, network: str) -> str:
        """A container's address in one network."""
        form = f'{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
        return self.engine.podman("inspect", "--format", form, self.container(service)).strip()


@pytest.fixture(scope="session")
def prepared(engine: Engine, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of deploy/compose with made-up sales of three companies, after step 2."""
    assert images
    folder = tmp_path_factory.mktemp("compose") / PROJECT
    shutil.copytree(documents.COMPOSE, folder, ignore=shutil.ignore_patterns("data", "officer", "public"))
    members = companies(3)
    made = data.prepare(folder / "made", members, generated=True)
    (folder / "public").mkdir()
    shutil.copy(made.vocabulary, folder / "public" / "concepts.txt")
    for letter, member in zip(COMPANIES, members, strict=True):
        (folder / "data" / letter).mkdir(parents=True)
        shutil.copy(made.sales(member), folder / "data" / letter / "sales.parquet")
        shutil.copy(made.catalogue(member), folder / "data" / letter / "catalogue.parquet")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    engine.shell(READABLE, folder, within_s=30)
    images_from = {"ALTROVE_IMAGES": "localhost/altrove", "COMPOSE_PROJECT_NAME": PROJECT}
    engine.environment |= {**PORTS, **images_from}
    engine.shell(first_start()[0], folder, within_s=120)
    return folder


@pytest.fixture(scope="session")
def consortium(engine: Engine, prepared: Path) -> Iterator[Consortium]:
    """The README's first start, command by command, up to its first released round."""
    for block in first_start()[1:]:
        began = time.monotonic()
        said = engine.shell(block, prepared, within_s=400)
        say(f"{block.splitlines()[0][:90]} ...: {time.monotonic() - began:.0f} s")
    say(said.strip().splitlines()[-1])
    yield Consortium(engine=engine, folder=prepared)
    engine.shell("docker compose down --volumes", prepared, within_s=120)
