"""Reads camt.053 as a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciliation.statements.camt.element_stream import ElementStream
from reconciliation.statements.camt.message import Message
from reconciliation.statements.values import Placed


def read_camt(chunks: Iterable[bytes]) -> Iterator[Placed]:
    """Yield the parts of a message's statements; raises InvalidStatement. Holds a chunk and one entry at a time."""
    message = Message()
    stream = ElementStream(message)
    for chunk in chunks:
        stream.feed(chunk)
        yield from message.found
        message.found.clear()
    stream.end()
    message.end()
    yield from message.found
