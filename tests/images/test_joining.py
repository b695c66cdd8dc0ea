"""One company joins from elsewhere: the block of the README, with company.yaml as it stands."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import data
from deploy.local.companies import companies
from tests.images import documents
from tests.images.conftest import COMPANIES, READABLE, Consortium, say

pytestmark = pytest.mark.timeout(1800)
NAME = "Company d"
WIDE = "altrove-wide"
WAY = f"""
services:
  node:
    networks: {{company: {{ipv4_address: 10.177.8.2}}, {WIDE}: {{}}}}
networks:
  {WIDE}: {{external: true}}
"""
"""The way to the coordinator, which is the Internet for a company elsewhere: a network that both are in."""


@pytest.fixture
def office(consortium: Consortium, tmp_path: Path) -> Iterator[Path]:
    """The fourth company's copy of deploy/compose, with its own sales, on its own network."""
    engine = consortium.engine
    engine.podman("network", "create", WIDE)
    engine.podman("network", "connect", "--alias", "coordinator", WIDE, consortium.container("coordinator"))
    folder = tmp_path / "office"
    shutil.copytree(documents.COMPOSE, folder, ignore=shutil.ignore_patterns("data", "officer", "public"))
    newcomer = companies(4)[-1]
    made = data.prepare(tmp_path / "made", companies(4), generated=True)
    (folder / "data").mkdir()
    shutil.copy(made.sales(newcomer), folder / "data" / "sales.parquet")
    shutil.copy(made.catalogue(newcomer), folder / "data" / "catalogue.parquet")
    (folder / "public").mkdir()
    shutil.copy(consortium.folder / "public" / "release.pub", folder / "public")
    (folder / "way.yaml").write_text(WAY)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    engine.shell(READABLE, folder, within_s=30)
    before = dict(engine.environment)
    engine.environment |= {"COMPOSE_PROJECT_NAME": "altrove-company", "NODE_PORT": "18474"}
    yield folder
    engine.shell(away("docker compose --file company.yaml down --volumes"), folder, within_s=120)
    engine.environment = before


def away(command: str) -> str:
    """A command of the README, with the way to the coordinator."""
    return command.replace("--file company.yaml", "--file company.yaml --file way.yaml")


def test_a_company_that_runs_company_yaml_joins_and_its_vector_comes_by_its_courier(consortium, office):
    engine = consortium.engine
    (block,) = documents.blocks(documents.COMPOSE / "README.md", under="One company joins")
    join, connect, shown, accept, *rest = block.splitlines()
    invitation = consortium.coordinator("invite", NAME).strip()
    for command in (join.replace("altrove1.TOKEN", f"'{invitation}'"), connect):
        engine.shell(away(command), office, within_s=300)
    proposed = json.loads(consortium.coordinator("members", "--admit", NAME, "--json"))
    proposal = proposed["roster"]["proposal"]["hash"]
    assert proposal[:4] in engine.shell(away(shown), office, within_s=120)
    engine.shell(away(accept.replace("HASH", proposal)), office, within_s=120)
    for letter in COMPANIES:
        engine.podman(
            "exec", consortium.container(f"node-{letter}"), "altrove-node", "roster", "--accept", proposal
        )
    for command in rest:
        say(engine.shell(away(command), office, within_s=300).strip().splitlines()[-1])
    engine.until(("podman", "healthcheck", "run", "altrove-company_courier_1"), within_s=120)
    asked = json.loads(consortium.coordinator("ask", "taste", "until=2017-08-14", "--epoch=joined", "--json"))
    consortium.coordinator("rounds", str(asked["round"]), "--wait")
    seen = consortium.round(asked["round"])
    names = (NAME, *(f"Company {letter}" for letter in COMPANIES))
    assert seen["state"] == "released"
    assert seen["attempts"][-1]["routes"] == dict.fromkeys(names, "dock")
