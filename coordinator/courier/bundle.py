"""The app bundle: the only files that Flower carries to the couriers and runs there.

It holds the two thin apps and nothing of the product, so that a courier needs Flower and Python only.
It is made of the installed files; equal files give equal bytes, so its hash names a release of the apps,
and a release key can sign it on another machine than the coordinator's (:mod:`protocols.bundle`).
"""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Final

from coordinator.courier.errors import CourierBroken

PACKAGE: Final = "altrove_courier"

PYPROJECT: Final = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "altrove-courier"
version = "1.0.0"
description = "Carries sealed bytes between a node's door and the coordinator's dock."
license = "Apache-2.0"
dependencies = ["flwr>=1.41,<1.42"]

[tool.hatch.build.targets.wheel]
packages = ["."]

[tool.flwr.app]
publisher = "altrove"
fab-include = ["altrove_courier/*.py"]

[tool.flwr.app.components]
serverapp = "altrove_courier.server_app:app"
clientapp = "altrove_courier.client_app:app"

[tool.flwr.app.config]
dock = ""
"""
"""``dock`` is overridden at every run with the path of the dock's unix socket."""


def app_files() -> dict[str, Path]:
    """Where the files of the two thin apps lie in this installation, by their name in the bundle.

    The ClientApp belongs to the participant's side; it is read as a file, never imported.
    """
    root = Path(__file__).resolve().parents[2]
    return {
        "server_app.py": root / "coordinator" / "courier" / "server_app.py",
        "passages.py": root / "coordinator" / "courier" / "passages.py",
        "replies.py": root / "coordinator" / "courier" / "replies.py",
        "client_app.py": root / "participant" / "courier" / "client_app.py",
    }


def stage(folder: Path) -> Path:
    """Write the bundle's source folder afresh and return it.

    Raises:
        CourierBroken: a file of the apps is missing from this installation.
    """
    shutil.rmtree(folder, ignore_errors=True)
    package = folder / PACKAGE
    package.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (package / "__init__.py").write_text('"""The thin apps of the courier."""\n', encoding="utf-8")
    for name, source in app_files().items():
        if not source.is_file():
            raise CourierBroken(expected=f"the file {source}", came="none", do="reinstall altrove")
        shutil.copyfile(source, package / name)
    return folder


def build(folder: Path) -> bytes:
    """The Flower app bundle (a zip archive) of a staged folder; equal folders give equal bytes.

    Raises:
        CourierBroken: Flower finds the folder invalid.
    """
    from flwr.cli.build import build_fab_from_disk

    try:
        return build_fab_from_disk(folder)
    except ValueError as reason:
        raise CourierBroken(
            expected="a valid app bundle", came=str(reason), do="reinstall altrove with flwr 1.41"
        ) from reason


def of_this_installation() -> bytes:
    """The bundle of the files that are installed here.

    Raises:
        CourierBroken: a file is missing, or Flower is another version.
    """
    with tempfile.TemporaryDirectory(prefix="altrove-bundle-") as folder:
        return build(stage(Path(folder) / "bundle"))


def digest(fab: bytes) -> bytes:
    """What is signed of a bundle: its SHA-256."""
    return hashlib.sha256(fab).digest()
