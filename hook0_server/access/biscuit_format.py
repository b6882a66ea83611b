"""What a serialized Biscuit says, read strictly, before a library verifies or runs any of it.

A Biscuit is a protobuf message (the form is in the Biscuit specification, schema.proto): an authority block, appended
blocks, a proof. Whoever holds a token can append what they like, so nothing here trusts the bytes. A field that is not
known, a single one that comes twice, a symbol that no table has, an operator without its operands: each is refused.
So there is one way to read a token, and what was judged is what will run. The library can show a block as Datalog too,
but it does not escape quotes within strings there: a holder could write a string that looks like the end of a check.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

VARIABLE, INTEGER, STRING, DATE, BYTES, BOOL, SET, NULL, ARRAY, MAP = range(1, 11)
VALUE, UNARY, BINARY, CLOSURE = range(1, 5)

MAX_DEPTH = 8  # closures within closures, arrays within arrays
_LAST_DATE = 253_402_300_799  # 9999-12-31T23:59:59Z: what comes later cannot be shown
_OWN_SYMBOLS = 1024  # below are the ones that every token has
_SYMBOLS = (
    "read", "write", "resource", "operation", "right", "time", "role", "owner", "tenant", "namespace", "user", "team",
    "service", "admin", "email", "group", "member", "ip_address", "client", "client_ip", "domain", "path", "version",
    "cluster", "node", "hostname", "nonce", "query",
)  # fmt: skip


class Refused(Exception):
    """This token is not accepted; the text says why, in words that may be shown, and repeats nothing of the token."""


class Term(NamedTuple):
    """A value: `kind` is one of VARIABLE … MAP; strings and variables by name; `size` counts what it contains."""

    kind: int
    value: Any
    size: int = 0


class Predicate(NamedTuple):
    """`name(term, …)`."""

    name: str
    terms: tuple[Term, ...]


class Op(NamedTuple):
    """One step of an expression: `kind` is VALUE (with its term), UNARY, BINARY (with the operator) or CLOSURE."""

    kind: int
    operator: int = -1
    term: Term | None = None
    parameters: int = 0
    body: tuple["Op", ...] = ()


class Query(NamedTuple):
    """One alternative of a check."""

    body: tuple[Predicate, ...]
    expressions: tuple[tuple[Op, ...], ...]
    has_scope: bool


class Check(NamedTuple):
    """`kind` 0 is `check if`, 1 `check all`, 2 `reject if`."""

    kind: int
    queries: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Block:
    facts: tuple[Predicate, ...]
    checks: tuple[Check, ...]
    rule_count: int
    has_scope: bool
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Biscuit:
    """The first block is the authority's. Signatures are not verified."""

    root_key_id: int | None
    blocks: tuple[Block, ...]


class _Form:
    """Fields of a message: number → wire type (0 a number, 2 bytes)."""

    def __init__(self, required: Mapping[int, int], optional: Mapping[int, int], many: Mapping[int, int]) -> None:
        self.wires = {**required, **optional, **many}
        self.required = frozenset(required)
        self.many = frozenset(many)


_BISCUIT = _Form({2: 2, 4: 2}, {1: 0}, {3: 2})
_SIGNED = _Form({1: 2, 2: 2, 3: 2}, {4: 2, 5: 0}, {})
_BLOCK = _Form({}, {2: 2, 3: 0}, {1: 2, 4: 2, 5: 2, 6: 2, 7: 2, 8: 2})
_ONE = _Form({1: 2}, {}, {})  # a fact, an expression's content …
_CHECK = _Form({}, {2: 0}, {1: 2})
_QUERY = _Form({1: 2}, {}, {2: 2, 3: 2, 4: 2})
_PREDICATE = _Form({1: 0}, {}, {2: 2})
_TERM = _Form({}, {1: 0, 2: 0, 3: 0, 4: 0, 5: 2, 6: 0, 7: 2, 8: 2, 9: 2, 10: 2}, {})
_MANY = _Form({}, {}, {1: 2})
_ENTRY = _Form({1: 2, 2: 2}, {}, {})
_KEY = _Form({}, {1: 0, 2: 0}, {})
_OP = _Form({}, {1: 2, 2: 2, 3: 2, 4: 2}, {})
_OPERATOR = _Form({1: 0}, {2: 0}, {})
_CLOSURE = _Form({}, {}, {1: 0, 2: 2})

_NOTHING: Sequence[Any] = ()


def read(raw: bytes, max_blocks: int) -> Biscuit:
    """Raises Refused."""
    outer = _fields(raw, _BISCUIT)
    signed = [*outer[2], *outer.get(3, _NOTHING)]
    if len(signed) > max_blocks:
        raise Refused(f"the token has more than {max_blocks} blocks")
    symbols: list[str] = []
    blocks = tuple(_block(each, symbols) for each in signed)
    return Biscuit(outer[1][0] if 1 in outer else None, blocks)


def _block(signed: bytes, symbols: list[str]) -> Block:
    """Adds the block's symbols to those of the blocks before it, which it may use too."""
    outer = _fields(signed, _SIGNED)
    if 4 in outer:
        raise Refused("the token has a block of a third party")
    block = _fields(outer[1][0], _BLOCK)
    own = tuple(_text(each) for each in block.get(1, _NOTHING))
    symbols += own
    return Block(
        facts=tuple(_predicate(_fields(each, _ONE)[1][0], symbols) for each in block.get(4, _NOTHING)),
        checks=tuple(_check(each, symbols) for each in block.get(6, _NOTHING)),
        rule_count=len(block.get(5, _NOTHING)),
        has_scope=7 in block or 8 in block,
        symbols=own,
    )


def _check(message: bytes, symbols: list[str]) -> Check:
    check = _fields(message, _CHECK)
    return Check(check.get(2, (0,))[0], tuple(_query(each, symbols) for each in check.get(1, _NOTHING)))


def _query(message: bytes, symbols: list[str]) -> Query:
    query = _fields(message, _QUERY)
    _predicate(query[1][0], symbols)
    return Query(
        tuple(_predicate(each, symbols) for each in query.get(2, _NOTHING)),
        tuple(_ops(_fields(each, _MANY).get(1, _NOTHING), symbols, 0) for each in query.get(3, _NOTHING)),
        4 in query,
    )


def _predicate(message: bytes, symbols: list[str]) -> Predicate:
    predicate = _fields(message, _PREDICATE)
    terms = tuple(_term(each, symbols, 0) for each in predicate.get(2, _NOTHING))
    return Predicate(_symbol(predicate[1][0], symbols), terms)


def _ops(messages: Sequence[bytes], symbols: list[str], depth: int) -> tuple[Op, ...]:
    """The steps of an expression, in the order of a stack machine."""
    if depth > MAX_DEPTH:
        raise Refused("the token has an expression that is nested too deeply")
    ops = tuple(_op(each, symbols, depth) for each in messages)
    height = 0
    for op in ops:
        taken = (0, 1, 2)[op.kind - 1] if op.kind != CLOSURE else 0
        if height < taken:
            raise _malformed()
        height += 1 - taken
    if height != 1:
        raise _malformed()
    return ops


def _op(message: bytes, symbols: list[str], depth: int) -> Op:
    kind, content = _only(message, _OP)
    if kind == VALUE:
        return Op(VALUE, term=_term(content, symbols, depth))
    if kind == CLOSURE:
        closure = _fields(content, _CLOSURE)
        for parameter in closure.get(1, _NOTHING):
            _symbol(parameter, symbols)
        body = _ops(closure.get(2, _NOTHING), symbols, depth + 1)
        return Op(CLOSURE, parameters=len(closure.get(1, _NOTHING)), body=body)
    return Op(kind, operator=_fields(content, _OPERATOR)[1][0])


def _term(message: bytes, symbols: list[str], depth: int) -> Term:
    kind, value = _only(message, _TERM)
    if kind in (VARIABLE, STRING):
        return Term(kind, _symbol(value, symbols))
    if kind in (SET, ARRAY, MAP):
        return _collection(kind, _fields(value, _MANY).get(1, _NOTHING), symbols, depth)
    if kind == DATE and value > _LAST_DATE:
        raise _malformed()
    return Term(kind, value)


def _collection(kind: int, messages: Sequence[bytes], symbols: list[str], depth: int) -> Term:
    if depth >= MAX_DEPTH:
        raise Refused("the token has a value that is nested too deeply")
    if kind == MAP:
        entries = [_fields(each, _ENTRY) for each in messages]
        for entry in entries:
            key, name = _only(entry[1][0], _KEY)
            if key == 2:
                _symbol(name, symbols)
        messages = [entry[2][0] for entry in entries]
    terms = tuple(_term(each, symbols, depth + 1) for each in messages)
    return Term(kind, terms, len(terms) + sum(term.size for term in terms))


def _symbol(index: int, symbols: list[str]) -> str:
    if index < len(_SYMBOLS):
        return _SYMBOLS[index]
    if not 0 <= index - _OWN_SYMBOLS < len(symbols):
        raise _malformed()
    return symbols[index - _OWN_SYMBOLS]


def _only(message: bytes, form: _Form) -> tuple[int, Any]:
    """The one field that is set."""
    found = _fields(message, form)
    if len(found) != 1:
        raise _malformed()
    [(number, [value])] = found.items()
    return number, value


def _fields(message: bytes, form: _Form) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    wires, at, end = form.wires, 0, len(message)
    while at < end:
        tag, at = _varint(message, at, end)
        number, wire = tag >> 3, tag & 7
        if wires.get(number) != wire or (number in found and number not in form.many):
            raise _malformed()
        value: Any
        value, at = _varint(message, at, end)
        if wire == 2:
            start, at = at, at + value
            if at > end:
                raise _malformed()
            value = message[start:at]
        found.setdefault(number, []).append(value)
    if not form.required <= found.keys():
        raise _malformed()
    return found


def _varint(message: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned number below 2^64 and where it ends."""
    value = shift = 0
    while at < end and shift < 70:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at
        shift += 7
    raise _malformed()


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as wrong:
        raise _malformed() from wrong


def _malformed() -> Refused:
    return Refused("the token is malformed")
