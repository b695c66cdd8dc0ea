"""The one canonical encoding of every signed or hashed value.

A message is a frozen dataclass with a ``TAG``. Its encoding is the length-prefixed domain tag
``altrove/v1/TAG`` followed by its fields in order: integers as 8 bytes big-endian, booleans as one
byte, bytes and text with a 4-byte length, tuples with a 4-byte count, nested dataclasses as their
fields. There is exactly one encoding of a value: unknown tags, trailing bytes, non-canonical
booleans and invalid UTF-8 are refused. There are no floats and no optional fields.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True, slots=True, kw_only=True)
... class Greeting:
...     TAG: ClassVar[str] = "greeting"
...     text: str
...     times: int
>>> encode(Greeting(text="hi", times=2)).hex()
'00000013616c74726f76652f76312f6772656574696e670000000268690000000000000002'
>>> decode(Greeting, encode(Greeting(text="hi", times=2)))
Greeting(text='hi', times=2)
>>> decode(Greeting, encode(Greeting(text="hi", times=2)) + b"!")
Traceback (most recent call last):
...
protocols.errors.MalformedMessage: expected the end of greeting; came 1 trailing byte(s); refuse the message
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar, get_args, get_origin, get_type_hints

from protocols.errors import MalformedMessage, TooLarge, UnknownVersion
from protocols.limits import MESSAGE_BYTES, PROTOCOL_VERSION


class Message(Protocol):
    """A frozen dataclass of integers, booleans, bytes, text, tuples and further dataclasses."""

    TAG: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


M = TypeVar("M", bound=Message)


def domain(purpose: str) -> bytes:
    """The domain tag of a hash, key or signature: product, version, purpose."""
    return f"altrove/v{PROTOCOL_VERSION}/{purpose}".encode()


def encode(message: Message) -> bytes:
    """Return the canonical bytes of ``message``."""
    return b"".join((_sized(domain(message.TAG)), *_encode_fields(message)))


def decode(kind: type[M], data: bytes, *, limit: int = MESSAGE_BYTES) -> M:
    """Return the message of type ``kind`` whose canonical encoding is ``data``.

    Raises:
        TooLarge: more than ``limit`` bytes.
        UnknownVersion: the tag is not that of ``kind`` in this version.
        MalformedMessage: anything else that is not the canonical encoding.
    """
    if len(data) > limit:
        raise TooLarge(expected=f"at most {limit} bytes", came=f"{len(data)}", do="refuse the message")
    reader = _Reader(data)
    tag = reader.sized()
    if tag != domain(kind.TAG):
        raise UnknownVersion(
            expected=domain(kind.TAG).decode(),
            came=repr(tag[:64])[1:],
            do="use the same protocol version on both sides",
        )
    message = _decode_fields(kind, reader)
    if reader.left:
        raise MalformedMessage(
            expected=f"the end of {kind.TAG}", came=f"{reader.left} trailing byte(s)", do="refuse the message"
        )
    return message


def digest(message: Message) -> bytes:
    """SHA-256 of the canonical encoding; the tag inside separates the domains."""
    return hashlib.sha256(encode(message)).digest()


def tagged_hash(purpose: str, *parts: bytes) -> bytes:
    """SHA-256 over the domain tag and the length-prefixed ``parts``."""
    return hashlib.sha256(enc(purpose, *parts)).digest()


def enc(purpose: str, *parts: bytes) -> bytes:
    """The domain tag and ``parts``, each with its length: unambiguous input of a KDF or an AEAD."""
    return prefixed(domain(purpose), *parts)


def prefixed(*parts: bytes) -> bytes:
    """``parts``, each with its 4-byte length; for tags that another document fixes to the letter."""
    return b"".join(map(_sized, parts))


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _encode_fields(message: Message) -> Iterator[bytes]:
    for name, kind in _layout(type(message)):
        yield from _encode_value(kind, getattr(message, name), name)


def _encode_value(kind: Any, value: Any, name: str) -> Iterator[bytes]:
    if kind is bool and type(value) is bool:
        yield b"\x01" if value else b"\x00"
    elif kind is int and type(value) is int and 0 <= value < 2**64:
        yield value.to_bytes(8, "big")
    elif kind is bytes and isinstance(value, bytes):
        yield _sized(value)
    elif kind is str and isinstance(value, str):
        yield _sized(value.encode("utf-8"))
    elif get_origin(kind) is tuple and isinstance(value, tuple):
        yield len(value).to_bytes(4, "big")
        item_kind = get_args(kind)[0]
        for item in value:
            yield from _encode_value(item_kind, item, name)
    elif type(value) is kind and is_dataclass(kind):
        yield from _encode_fields(value)
    else:
        raise TypeError(f"field {name!r} must be an encodable {kind}, not {type(value).__name__}")


class _Reader:
    """A cursor over untrusted bytes that never reads past their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise MalformedMessage(
                expected=f"{count} more byte(s)", came=f"{self.left}", do="refuse the message"
            )
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def sized(self) -> bytes:
        start = self._at + 4
        end = start + int.from_bytes(self._data[self._at : start], "big")
        if end > len(self._data):
            return self.take(self.number(4))  # says what is missing
        self._at = end
        return self._data[start:end]


def _decode_fields(kind: type[M], reader: _Reader) -> M:
    values = {name: _decode_value(hint, reader) for name, hint in _layout(kind)}
    build: Callable[..., M] = kind
    return build(**values)


def _decode_value(kind: Any, reader: _Reader) -> Any:
    if kind is bool:
        flag = reader.take(1)
        if flag not in (b"\x00", b"\x01"):
            raise MalformedMessage(expected="a boolean 00 or 01", came=flag.hex(), do="refuse the message")
        return flag == b"\x01"
    if kind is int:
        return reader.number(8)
    if kind is bytes:
        return reader.sized()
    if kind is str:
        return _text(reader.sized())
    if get_origin(kind) is tuple:
        count = reader.number(4)
        if count > reader.left:  # every item takes at least one byte
            raise MalformedMessage(
                expected=f"{count} items", came=f"{reader.left} byte(s)", do="refuse the message"
            )
        item_kind = get_args(kind)[0]
        return tuple(_decode_value(item_kind, reader) for _ in range(count))
    return _decode_fields(kind, reader)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedMessage(expected="valid UTF-8", came="other bytes", do="refuse the message") from None


@cache
def _layout(kind: type) -> tuple[tuple[str, Any], ...]:
    """Names and plain types of a message's fields, in order; ``NewType`` is unwrapped."""
    if not fields(kind):
        raise TypeError(f"{kind.__name__} has no fields: a tuple of it would have no length to check")
    hints = get_type_hints(kind)
    return tuple((field.name, _plain(hints[field.name])) for field in fields(kind))


def _plain(hint: Any) -> Any:
    if get_origin(hint) is tuple:
        item, ellipsis = get_args(hint)
        if ellipsis is not Ellipsis:
            raise TypeError("messages hold tuples of any length: tuple[T, ...]")
        return tuple[_plain(item), ...]  # type: ignore[misc]
    hint = getattr(hint, "__supertype__", hint)
    if hint in (int, bool, bytes, str) or is_dataclass(hint):
        return hint
    raise TypeError(f"{hint} has no canonical encoding")
