"""The commands of the two READMEs, as blocks of a shell."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CONTAINER: Final = ROOT / "deploy" / "container"
COMPOSE: Final = ROOT / "deploy" / "compose"


def blocks(document: Path) -> list[str]:
    """Every ``sh`` block of ``document``, in order."""
    return re.findall(r"```sh\n(.*?)```", document.read_text("utf-8"), re.DOTALL)
