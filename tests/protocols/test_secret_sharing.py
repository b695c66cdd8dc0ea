from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import BadShare
from protocols.secret_sharing import (
    FIELD_RAND_BYTES,
    PRIME,
    combine,
    field_element,
    from_bytes,
    split,
    to_bytes,
    weights,
)
from tests.protocols.vector_files import is_bad, load


def shares_of(operation):
    return {int(x): int(share, 16) for x, share in operation["shares"].items()}


@pytest.mark.parametrize("operation", load("secret_sharing")["operations"], ids=lambda o: o["name"])
def test_the_vectors_hold(operation):
    if is_bad(operation):
        with pytest.raises(BadShare) as caught:
            from_bytes(bytes.fromhex(operation["share"]))
        assert caught.value.code == operation["error"]
    elif operation["op"] == "split":
        rand = b"".join(bytes(16) + bytes.fromhex(each) for each in operation["coefficients"])
        shares = split(int(operation["secret"], 16), operation["threshold"], (1, 2, 3, 4, 5), rand)
        assert shares == shares_of(operation)
    else:
        assert combine(shares_of(operation)) == int(operation["secret"], 16)


@settings(max_examples=50)
@given(st.data())
def test_any_threshold_of_shares_gives_the_secret_back(data):
    n = data.draw(st.integers(1, 12))
    threshold = data.draw(st.integers(1, n))
    secret = data.draw(st.integers(0, PRIME - 1))
    size = (threshold - 1) * FIELD_RAND_BYTES
    shares = split(secret, threshold, range(1, n + 1), data.draw(st.binary(min_size=size, max_size=size)))
    holders = data.draw(st.permutations(sorted(shares)))[:threshold]
    assert combine({x: shares[x] for x in holders}) == secret


def test_fewer_shares_fit_every_secret():
    """With one share less than the threshold, each secret has a polynomial through the shares."""
    rand = bytes(range(2 * FIELD_RAND_BYTES))
    shares = split(7, 3, (1, 2, 3, 4), rand)
    for other in (0, 8, PRIME - 1):
        known = {0: other, 1: shares[1], 2: shares[2]}
        third = _at(known, 3)
        assert combine({1: shares[1], 2: shares[2], 3: third}) == other
        assert third != shares[3]


def test_one_wrong_share_gives_another_secret_in_every_set_that_holds_it():
    shares = split(7, 3, (1, 2, 3, 4, 5), bytes(range(96)))
    shares[4] ^= 1
    for holders in combinations(shares, 3):
        assert (combine({x: shares[x] for x in holders}) == 7) == (4 not in holders)


def test_weights_serve_every_secret_that_the_same_holders_open():
    at_zero = weights((2, 3, 5))
    for secret in (0, 1, PRIME - 1):
        shares = split(secret, 3, (1, 2, 3, 4, 5), bytes(96))
        assert combine({x: shares[x] for x in (2, 3, 5)}, at_zero) == secret


@pytest.mark.parametrize(
    ("secret", "threshold", "positions", "rand"),
    [
        (PRIME, 2, (1, 2), bytes(48)),
        (-1, 2, (1, 2), bytes(48)),
        (1, 3, (1, 2), bytes(96)),
        (1, 0, (1, 2), b""),
        (1, 2, (1, 1), bytes(48)),
        (1, 2, (0, 1), bytes(48)),
        (1, 2, (1, 2), bytes(47)),
        (1, 2, (1, 2), bytes(96)),
    ],
)
def test_a_sharing_that_would_be_unsound_is_refused(secret, threshold, positions, rand):
    with pytest.raises(ValueError):
        split(secret, threshold, positions, rand)


def test_field_elements_are_drawn_over_the_whole_field():
    assert field_element(bytes(48)) == 0
    assert field_element(bytes(15) + b"\1" + bytes(32)) == 2**256 % PRIME == 189
    with pytest.raises(ValueError):
        field_element(bytes(32))


@given(st.integers(0, PRIME - 1))
def test_an_element_has_one_encoding(element):
    assert from_bytes(to_bytes(element)) == element


def _at(points, x):
    """Lagrange interpolation at ``x``, written out."""
    total = 0
    for a, value in points.items():
        term = value
        for b in points:
            if b != a:
                term = term * (x - b) * pow(a - b, -1, PRIME) % PRIME
        total += term
    return total % PRIME
