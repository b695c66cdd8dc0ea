"""The release keys whose app bundles may run in this company's courier.

They come from the consortium's release officer, not from the coordinator: compare the fingerprint on
another way. Without one no bundle is run, whoever sends it.
"""

import json
from pathlib import Path

from participant.errors import BadSettings
from protocols.bundle import ReleaseKey
from protocols.errors import BadInput
from protocols.service import durable


def trusted(path: Path) -> tuple[ReleaseKey, ...]:
    """The keys in the file at ``path``; none when there is no file.

    Raises:
        BadSettings: the file is something else.
    """
    try:
        return tuple(ReleaseKey.parse(line) for line in json.loads(path.read_text("utf-8")).values())
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, AttributeError, BadInput):
        raise BadSettings(
            expected=f"release keys by fingerprint in {path}",
            came="something else",
            do="remove the file and run `altrove-node trust FILE.pub` again",
        ) from None


def trust(path: Path, keys: tuple[ReleaseKey, ...]) -> None:
    """Trust exactly ``keys``: the file is what SuperNode reads (YAML, of which JSON is a part)."""
    durable.write(path, [json.dumps({key.fingerprint: key.line for key in keys}, indent=2).encode()])
    path.chmod(
        0o640 if path.parent.stat().st_mode & 0o050 else 0o600
    )  # as its folder: see CourierFiles.share
