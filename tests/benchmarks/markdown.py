"""A section of a report: a title, what its figures mean, and a table."""

from collections.abc import Iterable, Sequence


def table(title: str, says: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The section as Markdown, with an empty line after it."""
    lines = [f"## {title}\n", f"{says}\n", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n\n"
