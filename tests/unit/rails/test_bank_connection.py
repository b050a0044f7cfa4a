"""The gateway's end of the line to the bank: whatever is said there is an answer, or the bank is unavailable."""

from __future__ import annotations

import asyncio

import pytest

from rails.bank import BankUnavailable
from rails.simulated.connection import SimulatedBankConnection

REFERENCE = "12345678-1234-5678-9234-567812345678.1"


async def _ask(body: bytes, status: bytes = b"200 OK") -> object:
    """Ask a bank that says this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    connection = SimulatedBankConnection(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        try:
            return await connection.ask([REFERENCE])
        finally:
            await connection.close()


def test_an_answer_is_heard() -> None:
    said = b'{"answers": [{"reference": "%b", "standing": "not_received"}]}' % REFERENCE.encode()
    assert asyncio.run(_ask(said)) != {}


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"null",
        b"<html>",
        b'{"answers": [{"reference": 5}]}',
        # Not UTF-8, in a field of ours and in one that is not looked at.
        b'{"answers": [{"reference": "\xff\xfe", "standing": "not_received"}]}',
        b'{"\xff": "\xfe"}',
    ],
)
def test_what_is_no_answer_is_no_answer_of_an_available_bank(said: bytes) -> None:
    with pytest.raises(BankUnavailable):
        asyncio.run(_ask(said))


def test_an_answer_with_another_status_is_none() -> None:
    with pytest.raises(BankUnavailable):
        asyncio.run(_ask(b'{"answers": []}', b"302 Found"))
