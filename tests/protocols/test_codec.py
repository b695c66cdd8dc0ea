"""One value, one encoding: round trips, mutations, and every malformation that is refused."""

from dataclasses import dataclass
from typing import ClassVar, NewType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import decode, digest, domain, enc, encode, prefixed, tagged_hash
from protocols.errors import AltroveError, MalformedMessage, TooLarge, UnknownVersion
from tests.protocols.vector_files import is_bad, load

VECTORS = load("codec")
Count = NewType("Count", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    TAG: ClassVar[str] = "test-inner"
    word: str
    flag: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """Every kind of field that a message may have."""

    TAG: ClassVar[str] = "test-outer"
    count: Count
    flag: bool
    blob: bytes
    text: str
    numbers: tuple[int, ...]
    grid: tuple[tuple[bytes, ...], ...]
    inner: Inner
    inners: tuple[Inner, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Impostor:
    """The same fields as `Inner` under another tag."""

    TAG: ClassVar[str] = "test-impostor"
    word: str
    flag: bool


numbers = st.integers(0, 2**64 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
inners = st.builds(Inner, word=texts, flag=st.booleans())
outers = st.builds(
    Outer,
    count=numbers,
    flag=st.booleans(),
    blob=st.binary(max_size=8),
    text=texts,
    numbers=st.lists(numbers, max_size=3).map(tuple),
    grid=st.lists(st.lists(st.binary(max_size=3), max_size=3).map(tuple), max_size=3).map(tuple),
    inner=inners,
    inners=st.lists(inners, max_size=3).map(tuple),
)


@given(outers)
def test_what_is_encoded_comes_back(value):
    assert decode(Outer, encode(value)) == value


@given(outers, outers)
def test_two_values_never_share_an_encoding_or_a_digest(one, other):
    assert (encode(one) == encode(other)) == (one == other)
    assert (digest(one) == digest(other)) == (one == other)


@given(outers, st.data())
def test_a_changed_byte_is_refused_or_is_another_value(value, data):
    encoded = bytearray(encode(value))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        other = decode(Outer, bytes(encoded))
    except AltroveError:
        return
    assert other != value
    assert encode(other) == bytes(encoded)


@given(st.binary(max_size=60))
def test_whatever_decodes_encodes_to_the_same_bytes(body):
    data = prefixed(domain(Inner.TAG)) + body
    try:
        value = decode(Inner, data)
    except AltroveError:
        return
    assert encode(value) == data


@given(outers, st.data())
def test_no_strict_prefix_decodes(value, data):
    encoded = encode(value)
    with pytest.raises(AltroveError):
        decode(Outer, encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@given(inners, st.binary(min_size=1, max_size=9))
def test_trailing_bytes_are_refused(value, surplus):
    with pytest.raises(MalformedMessage, match="trailing"):
        decode(Inner, encode(value) + surplus)


@given(inners)
def test_the_same_fields_under_another_tag_are_another_message(value):
    with pytest.raises(UnknownVersion):
        decode(Impostor, encode(value))
    assert digest(value) != digest(Impostor(word=value.word, flag=value.flag))


def test_another_protocol_version_is_refused_and_both_versions_are_named():
    later = encode(Inner(word="", flag=True)).replace(b"/v1/", b"/v2/")
    with pytest.raises(UnknownVersion, match=r"altrove/v1/test-inner.*altrove/v2/test-inner"):
        decode(Inner, later)


def test_the_limit_counts_before_anything_is_read():
    encoded = encode(Inner(word="word", flag=True))
    assert decode(Inner, encoded, limit=len(encoded))
    with pytest.raises(TooLarge):
        decode(Inner, encoded, limit=len(encoded) - 1)


def test_a_huge_count_is_refused_before_memory_is_taken():
    whole = encode(
        Outer(
            count=Count(1),
            flag=True,
            blob=b"",
            text="",
            numbers=(),
            grid=(),
            inner=Inner(word="", flag=True),
            inners=(),
        )
    )
    head = whole[: whole.index(b"test-outer") + len(b"test-outer")]
    body = (1).to_bytes(8, "big") + b"\x01" + bytes(8) + b"\xff\xff\xff\xff"
    with pytest.raises(MalformedMessage, match="4294967295 items"):
        decode(Outer, head + body + bytes(40))


@pytest.mark.parametrize(
    "fields",
    [
        {"word": b"bytes", "flag": True},
        {"word": "text", "flag": 1},
        {"word": 7, "flag": True},
        {"word": None, "flag": True},
    ],
)
def test_a_field_of_another_type_is_not_encoded(fields):
    with pytest.raises(TypeError):
        encode(Inner(**fields))


@pytest.mark.parametrize("number", [-1, 2**64, True, 1.0])
def test_an_integer_outside_64_bits_or_of_another_type_is_not_encoded(number):
    @dataclass(frozen=True)
    class One:
        TAG: ClassVar[str] = "test-one"
        number: int

    with pytest.raises(TypeError):
        encode(One(number=number))


def test_floats_optionals_and_pairs_have_no_encoding():
    @dataclass(frozen=True)
    class Floating:
        TAG: ClassVar[str] = "test-floating"
        value: float

    @dataclass(frozen=True)
    class Maybe:
        TAG: ClassVar[str] = "test-maybe"
        value: int | None

    @dataclass(frozen=True)
    class Pair:
        TAG: ClassVar[str] = "test-pair"
        value: tuple[int, int]

    @dataclass(frozen=True)
    class Nothing:
        TAG: ClassVar[str] = "test-nothing"

    for message in (Floating(value=1.0), Maybe(value=1), Pair(value=(1, 2)), Nothing()):
        with pytest.raises(TypeError):
            encode(message)


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_parts_of_a_tagged_hash_cannot_be_shifted_into_each_other(one, other):
    assert (enc("purpose", *one) == enc("purpose", *other)) == (one == other)
    assert (tagged_hash("purpose", *one) == tagged_hash("purpose", *other)) == (one == other)
    assert tagged_hash("purpose", *one) != tagged_hash("another", *one)


def value_of(operation):
    return Inner(word=operation["word"], flag=operation["flag"])


@pytest.mark.parametrize("operation", VECTORS["operations"], ids=lambda operation: operation["name"])
def test_vectors_hold_and_bad_ones_are_refused(operation):
    data = bytes.fromhex(operation["encoding"])
    if is_bad(operation):
        with pytest.raises(AltroveError) as caught:
            decode(Inner, data)
        assert caught.value.code == operation["code"]
    else:
        assert encode(value_of(operation)) == data
        assert decode(Inner, data) == value_of(operation)
        assert digest(value_of(operation)).hex() == operation["digest"]
