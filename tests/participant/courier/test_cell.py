"""A cell's pipe says truly that nobody is there: a reset, which SuperNode survives, not a polite end."""

import asyncio
import contextlib

import pytest

from participant.courier.cell import enter

pytestmark = pytest.mark.enable_socket


async def ask(path, words=b"hello"):
    """Open a cell's port that leads to ``path``, say something, and return what came back."""
    server = await enter(0, str(path))
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(words)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        server.close()


async def served(path, answer):
    """The same, with a server at the end of the pipe that says ``answer`` and hangs up."""

    async def accept(reader, writer):
        await reader.read(5)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(accept, str(path)):
        return await ask(path)


def test_where_nobody_listens_the_program_is_reset(tmp_path):
    with pytest.raises(ConnectionResetError):
        asyncio.run(ask(tmp_path / "nobody.sock", words=b""))


def test_where_the_other_side_hangs_up_without_a_word_the_program_is_reset(tmp_path):
    with pytest.raises(ConnectionResetError):
        asyncio.run(served(tmp_path / "s", b""))


def test_an_answer_is_passed_on_whole_and_ends_politely(tmp_path):
    assert asyncio.run(served(tmp_path / "s", b"x" * 300_000)) == b"x" * 300_000
