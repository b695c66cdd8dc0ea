"""Networks from chains of releases: the same from a checkpoint and from the sums, and of one chain only."""

from dataclasses import replace

import numpy as np
import pytest

from participant import encoder_chain
from participant.encoder_chain import EncoderChain
from protocols.errors import BadRelease
from protocols.questions.encoder import EncoderStep, parse
from protocols.questions.server_step import begin, step
from protocols.questions.spectral import start

M = 12
TASTE, OTHER = b"t" * 32, b"o" * 32
ASKED = parse(
    {"taste": TASTE.hex(), "until": 9, "hidden": 5, "latent": 3, "server": "fedadam", "server_rate": 10_000}
)
SIZE = ASKED.shape(M).size


def gram(release):
    rows = np.random.default_rng(release[0]).random((30, M))
    return rows.T @ rows


class Book:
    """Releases of three rounds, and how often each was read."""

    def __init__(self, folder, asked=ASKED, first=1):
        self.folder = folder
        self.taste = asked.taste
        self.read = []
        self.rounds = {}
        before = b""
        for number in range(3):
            release = bytes([number + first]) * 32
            change = np.random.default_rng(number).normal(0, 0.01, SIZE)
            self.rounds[release] = (replace(asked, after=before), EncoderStep(change=change, customers=9.0))
            before = release
        self.last = before

    def chain(self):
        """As after a restart."""
        return EncoderChain(gram=gram, opened=self.open, folder=self.folder)

    def open(self, release):
        self.read.append(release)
        if release not in self.rounds:
            raise BadRelease(expected="a release that is here", came=release.hex()[:8], do="wait")
        return self.rounds[release]


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path)


def by_hand(book, server="fedadam"):
    state = begin(start(gram(book.taste), ASKED.shape(M)))
    for _, reading in book.rounds.values():
        state = step(state, reading.change, server, ASKED.server_rate / 1e6)
    return state.weights


@pytest.mark.parametrize("server", ["fedavg", "momentum", "fedadam"])
def test_a_release_stands_for_the_start_and_every_step_since(tmp_path, server):
    book = Book(tmp_path, replace(ASKED, server=server))
    np.testing.assert_array_equal(book.chain().network(book.last, M).weights, by_hand(book, server))


def test_a_restart_goes_on_from_the_checkpoint_to_the_bit(book):
    second = list(book.rounds)[1]
    book.chain().network(second, M)
    book.read.clear()
    whole = book.chain().network(book.last, M).weights
    assert next(iter(book.rounds)) not in book.read  # what is before the checkpoint is not read again
    np.testing.assert_array_equal(whole, by_hand(book))
    asked = replace(ASKED, after=book.last)
    np.testing.assert_array_equal(book.chain().before(asked, M), whole)


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_checkpoint_is_computed_again_from_the_releases(book, damage):
    whole = book.chain().network(book.last, M).weights
    for path in book.folder.glob("*.checkpoint"):
        data = bytearray(path.read_bytes())
        data[-5] ^= 64
        path.write_bytes({"cut": data[:-100], "changed": data, "empty": b""}[damage])
    np.testing.assert_array_equal(book.chain().network(book.last, M).weights, whole)


@pytest.mark.parametrize(
    "change", [{"taste": OTHER}, {"hidden": 4}, {"server": "fedavg"}, {"server_rate": 9}]
)
def test_a_round_of_another_chain_is_refused(book, change):
    with pytest.raises(BadRelease, match="one chain"):
        book.chain().before(replace(ASKED, after=book.last, **change), M)


def test_a_round_whose_earlier_one_is_missing_is_refused_until_it_is_there(book):
    first = next(iter(book.rounds))
    missing = book.rounds.pop(first)
    with pytest.raises(BadRelease, match="that is here"):
        book.chain().network(book.last, M)
    book.rounds = {first: missing, **book.rounds}
    np.testing.assert_array_equal(book.chain().network(book.last, M).weights, by_hand(book))


def test_checkpoints_of_chains_that_nobody_asks_for_do_not_pile_up(tmp_path, monkeypatch):
    monkeypatch.setattr(encoder_chain, "KEPT", 3)
    books = [
        Book(tmp_path, replace(ASKED, taste=bytes([number]) * 32), first=number) for number in range(1, 12, 3)
    ]
    books[0].chain().network(books[0].last, M)
    books[0].read.clear()
    for book in books[1:]:
        for release in book.rounds:
            book.chain().network(release, M)
            books[0].chain().network(books[0].last, M)
            assert len(list(tmp_path.glob("*.checkpoint"))) <= 3
    assert set(books[0].read) == {books[0].last}  # what is in use stays, however old
    assert not (tmp_path / f"{books[1].last.hex()}.checkpoint").exists()
    made = books[1].chain().network(books[1].last, M).weights  # what is gone is computed again
    np.testing.assert_array_equal(made, by_hand(books[1]))


def test_a_long_walk_leaves_one_checkpoint_where_it_ends(book):
    book.chain().network(book.last, M)
    start_of = f"{TASTE.hex()}-{ASKED.hidden}-{ASKED.latent}"
    assert {path.stem for path in book.folder.glob("*.checkpoint")} == {start_of, book.last.hex()}
