"""What a node makes of a question's parameters before it decides whether to answer."""

from typing import Final

import numpy as np

from protocols.codec import encode
from protocols.errors import MalformedMessage, UnboundedSensitivity
from protocols.questions import QUESTIONS
from protocols.questions.mixture import Mixture

CONCEPTS: Final = 12
MEMBERS: Final = 5
READ_MAX: Final = 10_000
"""Cells of a sum that is read; what is asked may have millions."""
NAMES: Final = tuple(QUESTIONS)
KINDS: Final = (*(each.parameters for each in QUESTIONS.values()), Mixture)
"""Message types of all questions."""


def question(data: bytes) -> None:
    """The first byte names a question, its parameters follow; a sum of the asked length is read as well."""
    if not data:
        raise MalformedMessage(expected="a byte", came="none", do="give one")
    asked = QUESTIONS[NAMES[data[0] % len(NAMES)]]
    parameters = asked.open(data[1:])
    block = asked.block(parameters, CONCEPTS, MEMBERS, 64)
    asked.describe(parameters).encode()
    since, until = asked.window(parameters)
    if not (since < until and block.length > 0 and block.bound > 0 and 0 < asked.rate(parameters) <= 1):
        raise ArithmeticError("a question without purchases, cells or customers was let through")
    try:
        square = asked.sensitivity2(parameters, CONCEPTS)
    except UnboundedSensitivity:
        square = 1
    if square <= 0:
        raise ArithmeticError("a question on which nobody has any influence was let through")
    if block.length <= READ_MAX:
        asked.read(np.zeros(block.length), parameters, CONCEPTS)


def valid() -> dict[str, list[bytes]]:
    """Valid parameters, with the settings that a question has: by target."""
    release = "00" * 32
    window = {"history_until": "2017-08-14", "target_until": "2017-10-02", "release": release}
    typed = [
        ("taste", {"until": "2017-08-14", "row_scheme": "capped", "items_cap": 20}),
        ("evaluation", {**window, "lambdas": "300,1000", "obvious": "pooled"}),
        ("evaluation", {**window, "encoder": "11" * 32, "mixes": "0:100:0,100:30:15"}),
        ("encoder", {"taste": release, "until": "2017-08-14"}),
        ("encoder", {"taste": release, "after": "11" * 32, "until": 9, "mode": "gradient", "sample": 5}),
        ("encoder", {"taste": release, "until": 9, "hidden": 3, "latent": 2, "server": "momentum"}),
        ("nonbuyers", {"until": "2017-08-14"}),
        ("nonbuyers", {"until": "2017-08-14", "concepts": "0,5,11"}),
        ("content", {"until": "2017-08-14", "dimensions": 4}),
        ("landmarks", {"until": "2017-08-14", "landmarks": "0,2"}),
        ("rhythm", {"until": "2017-08-14"}),
        ("rhythm", {"until": "2017-08-14", "facets": "week,event", "scheme": "unit", "items_cap": 3}),
    ]
    return {
        "question": [
            bytes([NAMES.index(name)]) + encode(QUESTIONS[name].parse(values)) for name, values in typed
        ]
    }
