r"""Words of another company, made fit for an officer's terminal and log.

A peer's text may hold escape sequences that rewrite what stands on the screen, or fill it. What is shown
keeps its letters, on one line, up to a length.

>>> printable("no\x1b[2J such\nround")
'no?[2J such?round'
>>> printable("x" * 10, most=4)
'xxxx...'
"""

from typing import Final

SHOWN_CHARS: Final = 2_000
"""A problem in words: the longest of ours has about 500 characters and a few ids of 32."""


def printable(text: str, most: int = SHOWN_CHARS) -> str:
    """The first ``most`` characters of ``text``, a question mark for each that is not printable."""
    kept = "".join(letter if letter.isprintable() else "?" for letter in text[:most])
    return kept if len(text) <= most else f"{kept}..."
