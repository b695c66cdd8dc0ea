"""Pulling a reply that a member's courier made, and holding it to the piece that was asked for.

Flower makes of a reply whatever it says of itself: an array may name one uploaded chunk a million times, and
a tree may have any number of objects. Here a reply that would be larger than the piece is not read.

A part of the app bundle: only Flower and the standard library.
"""

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
from flwr.app import Array, Message
from flwr.common.constant import FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE
from flwr.serverapp import Grid
from flwr.supercore.inflatable.inflatable_object import get_object_body
from flwr.superlink.grid import http_grid

NOT_SENT, UNREADABLE = 503, 422
"""Codes of the errors that this app finds itself."""
OBJECTS_BESIDE = 4
"""A reply's objects beside the chunks of its array: the message, its record, the array record, the array."""

TROUBLE = Exception
"""What Flower may raise: on its way to the SuperLink, and on reading what a member wrote by hand, down to
protobuf's own errors and a lack of memory. None of it may end the run of everybody."""


class TooLarge(Exception):
    """A reply that is larger than the piece that was asked for."""


_piece = threading.local()


def pull(grid: Grid, message_id: str, most: int) -> tuple[list[Message], int]:
    """The reply to ``message_id`` of at most ``most`` bytes, if it is there, and a code when it is unusable."""
    _piece.bytes = most
    try:
        return list(grid.pull_messages([message_id])), 0
    except (httpx.HTTPError, OSError):
        return [], NOT_SENT
    except TROUBLE:
        return [], UNREADABLE
    finally:
        del _piece.bytes


def bound_flower() -> None:
    """Let Flower's own functions refuse what is larger than the piece that :func:`pull` names; once is enough."""
    if not isinstance(http_grid.pull_objects, _Pull):  # type: ignore[attr-defined]
        http_grid.pull_objects = _Pull(http_grid.pull_objects)  # type: ignore[attr-defined]
        Array.inflate = _inflate_bounded(Array.inflate)  # type: ignore[method-assign]


def objects_of(most: int) -> int:
    """Objects that an honest reply of ``most`` bytes has at most."""
    return -(-most // FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE) + OBJECTS_BESIDE


class _Pull:
    """Flower's ``pull_objects``, for a bounded number of objects; each is bounded by the fleet's listener."""

    def __init__(self, stock: Callable[..., dict[str, bytes]]) -> None:
        self._stock = stock

    def __call__(self, object_ids: list[str], *args: Any, **kwargs: Any) -> dict[str, bytes]:
        if (most := getattr(_piece, "bytes", None)) is not None and len(object_ids) > objects_of(most):
            raise TooLarge
        return self._stock(object_ids, *args, **kwargs)


def _inflate_bounded(stock: Any) -> Any:
    def inflate(cls: type[Array], object_content: bytes, children: Any = None) -> Any:
        if (most := getattr(_piece, "bytes", None)) is not None:
            named = json.loads(get_object_body(object_content, cls))["arraychunk_ids"]
            largest = max((len(chunk.data) for chunk in (children or {}).values()), default=0)
            if len(named) * largest > most + FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE:
                raise TooLarge
        return stock.__func__(cls, object_content, children)

    return classmethod(inflate)
