"""ML-KEM-768 of the library is that of FIPS 203, and what is not a key is refused."""

import hashlib

import pytest
from cryptography.hazmat.backends.openssl.backend import backend

from participant.entropy import encapsulate
from protocols.errors import SuiteUnavailable, WeakKey
from protocols.limits import KEM_CIPHERTEXT_BYTES, KEM_SEED_BYTES
from protocols.secure_sum.encapsulation import (
    check_available,
    check_encapsulation_key,
    decapsulate,
    decapsulation_key,
    encapsulation_key,
)
from tests.protocols import ml_kem
from tests.protocols.vector_files import is_bad, load

VECTORS = load("ml_kem")


@pytest.mark.parametrize("operation", VECTORS["operations"], ids=lambda o: o["name"])
def test_the_known_answers_of_fips_203_hold(operation):
    get = {name: bytes.fromhex(operation[name]) for name in operation if name not in {"name", "op", "error"}}
    if is_bad(operation):
        with pytest.raises(WeakKey):
            check_encapsulation_key(get["public"])
        return
    match operation["op"]:
        case "public":
            made = encapsulation_key(decapsulation_key(get["seed"]))
            assert check_encapsulation_key(made) == get["public"]
        case "encapsulate":
            assert ml_kem.encapsulate(get["public"], get["coins"]) == (get["secret"], get["ciphertext"])
        case "decapsulate":
            opened = decapsulate(decapsulation_key(get["seed"]), get["ciphertext"])
            assert (opened.secret, opened.ciphertext) == (get["secret"], get["ciphertext"])


def test_a_hundred_random_keys_ciphertexts_and_forgeries_hash_to_the_published_value():
    rounds, size = VECTORS["accumulated"]["rounds"], KEM_SEED_BYTES + 32 + KEM_CIPHERTEXT_BYTES
    stream, total = hashlib.shake_128().digest(rounds * size), hashlib.shake_128()
    for start in range(0, rounds * size, size):
        seed, rest = stream[start : start + 64], stream[start + 64 : start + size]
        key = decapsulation_key(seed)
        public = encapsulation_key(key)
        secret, ciphertext = ml_kem.encapsulate(public, rest[:32])
        assert decapsulate(key, ciphertext).secret == secret
        total.update(public + ciphertext + secret + decapsulate(key, rest[32:]).secret)
    assert total.hexdigest(32) == VECTORS["accumulated"]["digest"]


def test_the_node_encapsulates_a_fresh_secret_that_the_key_opens():
    key = decapsulation_key(bytes(64))
    sent = [encapsulate(encapsulation_key(key)) for _ in range(2)]
    assert [decapsulate(key, each.ciphertext) for each in sent] == sent
    assert sent[0].secret != sent[1].secret
    assert sent[0].secret.hex() not in repr(sent[0])
    assert "secret" not in repr(sent[0])


def test_a_ciphertext_of_another_length_is_not_even_tried():
    with pytest.raises(ValueError, match="1088"):
        decapsulate(decapsulation_key(bytes(64)), bytes(1087))


def test_a_library_without_ml_kem_is_named_with_what_to_do(monkeypatch):
    check_available()
    monkeypatch.setattr(type(backend), "mlkem_supported", lambda _: False)
    with pytest.raises(SuiteUnavailable, match=r"OpenSSL.*stay with suite 1"):
        check_available()
