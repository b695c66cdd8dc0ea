"""The commands of the two READMEs, as blocks of a shell."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CONTAINER: Final = ROOT / "deploy" / "container"
COMPOSE: Final = ROOT / "deploy" / "compose"


def blocks(document: Path, *, under: str = "") -> list[str]:
    """Every ``sh`` block of ``document`` in order, or those of its section ``under``."""
    text = document.read_text("utf-8")
    if under:
        text = text.split(f"\n## {under}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
