"""The elements of an XML message as they pass: what is known is gathered and handed on, the rest costs no memory.

With expat, from the standard library: it knows line and column of everything, takes the file in pieces, and calls us
before it looks at a document type, which we refuse. No entity is ever declared, so none can be expanded or fetched.
"""

from __future__ import annotations

from typing import Any, Protocol
from xml.parsers import expat

from reconciliation.statements.camt.elements import Element, Leaf, tree_of
from reconciliation.statements.camt.gathered import Gathered, Place, Value
from reconciliation.statements.camt.versions import VERSIONS, Version
from reconciliation.statements.faults import InvalidStatement, Rule, refused

# expat holds a tag, a comment or an instruction whole, and every name and namespace for good; a statement of all that
# ISO 20022 allows has some hundred names, nested a dozen deep.
TOKEN_BYTES_MAX = 1024 * 1024
NAMES_CHARACTERS_MAX = 1024 * 1024
DEPTH_MAX = 64
# What may stand before the first element: a declaration and a comment.
PROLOG_BYTES_MAX = 16 * 1024
# Those that expat knows itself. For others Python would decode byte by byte, and fail in ways of its own.
ENCODINGS = frozenset({"utf-8", "utf-16", "iso-8859-1", "us-ascii"})
# More than the widest leaf with the blanks that somebody may have put around it.
TEXT_CHARACTERS_MAX = 2000

# Where everything is that is not read.
_ELSEWHERE = Element()


class Taker(Protocol):
    """Who is handed the blocks of a message."""

    def begin(self, version: Version) -> None:
        """The message is of this version."""

    def open(self, gathered: Gathered) -> None:
        """A block begins; what it holds is not known yet."""

    def close(self, gathered: Gathered) -> None:
        """A block has ended."""


class ElementStream:
    """Feeds a taker with the blocks of a message; raises InvalidStatement."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self._names: dict[str, Any] = {}
        self._parser = parser = expat.ParserCreate(namespace_separator=" ", intern=self._names)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartNamespaceDeclHandler = self._pass  # So that namespaces are among the names as well.
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.CommentHandler = self._pass
        parser.ProcessingInstructionHandler = self._pass
        self._quiet_bytes = 0
        self._prolog_bytes = 0
        # From above the document down to where the parser is; empty before the document.
        self._elements: list[Element] = []
        self._blocks: list[Gathered] = []
        self._leaf: Leaf | None = None
        self._leaf_place = Place(1, 1)
        self._leaf_currency: str | None = None
        self._text: list[str] = []
        self._text_characters = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next piece of the file."""
        self._quiet_bytes += len(chunk)
        try:
            self._parser.Parse(self._behind_prolog(chunk), False)
        except expat.ExpatError as error:
            raise self._broken(error, Rule.XML) from None
        if self._quiet_bytes > TOKEN_BYTES_MAX:
            raise self._refused("XML", Rule.TOO_LARGE, f"a tag must have at most {TOKEN_BYTES_MAX} bytes")
        # The prefix of a default namespace is None.
        if sum(len(name or "") for name in self._names) > NAMES_CHARACTERS_MAX:
            detail = f"different names must have at most {NAMES_CHARACTERS_MAX} characters"
            raise self._refused("XML", Rule.TOO_LARGE, detail)

    def end(self) -> None:
        """Check that the message is complete."""
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise self._broken(error, Rule.TRUNCATED) from None

    def _behind_prolog(self, chunk: bytes) -> bytes:
        """Feed what comes before the first element byte by byte, and return what is left of the chunk.

        When we refuse a document type, expat has not seen a byte behind it. It would parse the rest of a chunk before
        our refusal gets through, and expand what the document type declares.
        """
        fed = 0
        while not self._elements and fed < min(len(chunk), PROLOG_BYTES_MAX + 1):
            self._parser.Parse(chunk[fed : fed + 1], False)
            fed += 1
        self._prolog_bytes += fed
        if self._prolog_bytes > PROLOG_BYTES_MAX:
            raise self._refused("XML", Rule.TOO_LARGE, f"must begin with an element within {PROLOG_BYTES_MAX} bytes")
        return chunk[fed:]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._quiet_bytes = 0
        if not self._elements:
            self._begin(name)
        if self._leaf is not None:
            raise self._refused(self._leaf.field, Rule.FORMAT, "must hold text, not elements")
        if len(self._elements) > DEPTH_MAX:
            raise self._refused("XML", Rule.TOO_LARGE, f"elements must be nested at most {DEPTH_MAX} deep")
        element = self._elements[-1].children.get(name, _ELSEWHERE)
        self._elements.append(element)
        known = element.known
        if isinstance(known, Leaf):
            self._leaf, self._leaf_place, self._leaf_currency = known, self._place(), attributes.get("Ccy")
        elif known is not None:
            gathered = Gathered(known, self._place())
            self._blocks.append(gathered)
            self._taker.open(gathered)

    def _begin(self, name: str) -> None:
        namespace, _, local = name.rpartition(" ")
        version = VERSIONS.get(namespace)
        if version is None or local != "Document":
            versions = ", ".join(each.name for each in VERSIONS.values())
            raise self._refused("Document", Rule.VERSION, f"must be a Document of {versions}")
        self._elements.append(tree_of(version))
        self._taker.begin(version)

    def _end(self, _name: str) -> None:
        self._quiet_bytes = 0
        known = self._elements.pop().known
        if isinstance(known, Leaf):
            self._close_leaf(known)
        elif known is not None:
            self._taker.close(self._blocks.pop())

    def _close_leaf(self, leaf: Leaf) -> None:
        text = "".join(self._text).strip()
        self._leaf = None
        self._text.clear()
        self._text_characters = 0
        if len(text) > leaf.width:
            detail = f"must have at most {leaf.width} characters"
            raise refused(self._leaf_place.line, leaf.field, Rule.WIDTH, detail, self._leaf_place.column)
        # An empty element says as much as none.
        if text:
            self._blocks[-1].add(leaf, Value(text, self._leaf_currency, self._leaf_place))

    def _characters(self, text: str) -> None:
        self._quiet_bytes = 0
        if self._leaf is None:
            return
        self._text.append(text)
        self._text_characters += len(text)
        if self._text_characters > TEXT_CHARACTERS_MAX:
            raise self._refused(self._leaf.field, Rule.WIDTH, f"must have at most {self._leaf.width} characters")

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ENCODINGS:
            raise self._refused("XML", Rule.CHARACTERS, "must be UTF-8, UTF-16, ISO-8859-1 or US-ASCII")

    def _doctype(self, *_declared: object) -> None:
        raise self._refused("DOCTYPE", Rule.DOCTYPE, "a statement has no document type and declares no entities")

    def _pass(self, *_of_no_interest: str | None) -> None:
        self._quiet_bytes = 0

    def _place(self) -> Place:
        return Place(self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _refused(self, field: str, rule: Rule, detail: str) -> InvalidStatement:
        place = self._place()
        return refused(place.line, field, rule, detail, place.column)

    def _broken(self, error: expat.ExpatError, rule: Rule) -> InvalidStatement:
        return refused(error.lineno, "XML", rule, expat.ErrorString(error.code), error.offset + 1)
