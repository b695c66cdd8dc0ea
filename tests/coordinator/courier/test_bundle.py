"""The app bundle holds the two thin apps, nothing else, and equal files give equal bytes."""

import ast
import io
import sys
import zipfile

import pytest

from coordinator.courier import bundle
from coordinator.courier.errors import CourierBroken


def test_the_bundle_holds_only_the_thin_apps(tmp_path):
    fab = bundle.build(bundle.stage(tmp_path / "bundle"))
    assert sorted(zipfile.ZipFile(io.BytesIO(fab)).namelist()) == [
        ".info/CONTENT",
        "altrove_courier/__init__.py",
        "altrove_courier/client_app.py",
        "altrove_courier/passages.py",
        "altrove_courier/replies.py",
        "altrove_courier/server_app.py",
        "pyproject.toml",
    ]


def test_equal_files_give_equal_bytes_wherever_they_are_staged(tmp_path):
    assert bundle.build(bundle.stage(tmp_path / "a")) == bundle.build(bundle.stage(tmp_path / "b"))


@pytest.mark.parametrize("name", sorted(bundle.app_files()))
def test_the_apps_import_flower_and_the_standard_library_only(name):
    tree = ast.parse(bundle.app_files()[name].read_text())
    beside = {name.removesuffix(".py") for name in bundle.app_files()}
    roots = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            assert (node.level, node.module in beside) == (1, True)
        elif isinstance(node, ast.ImportFrom):
            roots.add(node.module)
    allowed = {"flwr", "httpx"} | sys.stdlib_module_names
    assert {root.split(".")[0] for root in roots} <= allowed


def test_staging_again_leaves_nothing_of_before(tmp_path):
    folder = bundle.stage(tmp_path / "bundle")
    (folder / "altrove_courier" / "stray.py").write_text("raise SystemExit")
    bundle.stage(folder)
    assert not (folder / "altrove_courier" / "stray.py").exists()


def test_a_missing_app_file_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "app_files", lambda: {"server_app.py": tmp_path / "nowhere.py"})
    with pytest.raises(CourierBroken, match="reinstall altrove"):
        bundle.stage(tmp_path / "bundle")


def test_a_folder_that_flower_refuses_is_a_broken_courier(tmp_path):
    folder = bundle.stage(tmp_path / "bundle")
    (folder / "pyproject.toml").write_text('[project]\nname = "altrove-courier"\n')
    with pytest.raises(CourierBroken):
        bundle.build(folder)
