"""A cell's pipe says truly that nobody is there: a reset, which SuperNode survives, not a polite end."""

import asyncio
import contextlib
import gc
from time import time

import pytest

from participant.courier.cell import enter, showing
from protocols.service.tls import client_context
from tests.protocols.service.daemon import Certificates

pytestmark = pytest.mark.enable_socket


@pytest.fixture(params=["plain", "TLS"])
def ends(request, tmp_path):
    """What both ends of a cell's port speak: the cell's context and its program's, None where it is plain."""
    if request.param == "plain":
        return None, None
    certificates = Certificates(folder=tmp_path, now=int(time()))
    pair = certificates.server(["127.0.0.1"])
    shown = tmp_path / "loopback.key"
    shown.write_bytes(b"".join(path.read_bytes() for path in pair))
    return showing(str(shown)), client_context(certificates.authority_pem)


async def ask(ends, path, words=b"hello"):
    """Open a cell's port that leads to ``path``, say something, and return what came back."""
    server = await enter(0, str(path), ends[0])
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=ends[1])
    try:
        writer.write(words)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        server.close()


async def served(ends, path, answer):
    """The same, with a server at the end of the pipe that says ``answer`` and hangs up."""

    async def accept(reader, writer):
        await reader.read(5)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(accept, str(path)):
        return await ask(ends, path)


def test_where_nobody_listens_the_program_is_reset(ends, tmp_path):
    with pytest.raises(ConnectionResetError):
        asyncio.run(ask(ends, tmp_path / "nobody.sock", words=b""))


def test_where_the_other_side_hangs_up_without_a_word_the_program_is_reset(ends, tmp_path):
    with pytest.raises(ConnectionResetError):
        asyncio.run(served(ends, tmp_path / "s", b""))


def test_an_answer_is_passed_on_whole_and_ends_politely(ends, tmp_path):
    assert asyncio.run(served(ends, tmp_path / "s", b"x" * 300_000)) == b"x" * 300_000


async def one_sided(path):
    """Say all, let the garbage collector run, and only then be answered."""
    said = asyncio.Event()

    async def accept(reader, writer):
        assert await reader.read() == b"one"
        gc.collect()
        said.set()
        writer.write(b"ONE")
        writer.close()

    async with await asyncio.start_unix_server(accept, str(path)), await enter(0, str(path)) as server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"one")
        writer.write_eof()
        await asyncio.wait_for(said.wait(), 20)
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        return answer


def test_who_has_said_all_still_hears_the_answer_after_a_garbage_collection(tmp_path):
    assert asyncio.run(one_sided(tmp_path / "s")) == b"ONE"
