"""Whether what a holder appended to a token may be run at all.

The library that runs it looks at its time limit only between checks, so one check of a 1 KB token can hold an event
loop for seconds. So the work is bounded before: by the form (checks only, few of them, no joins of three, no regular
expressions, no arithmetic) and by an upper bound of the steps that all checks together can take.

`check if` and `check all` are allowed: both look at each combination of facts at most once. `reject if` is refused, as
are facts, rules and scopes: none of them is needed to narrow a token.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from hook0_server.access import biscuit_format as form

MAX_BLOCKS = 4  # the authority's among them
MAX_STATEMENTS = 8  # of a block
MAX_PREDICATES = 2  # of an alternative
MAX_STEPS = 50_000  # of a token; a step is 0.01 to 0.2 µs, so this is 10 ms at most

# What a server tells a token of one operation, at most.
MAX_LABELS = 10
MAX_EVENT_TYPES = 100
MAX_TEXT = 500  # characters of a label or an event type
_TOLD = 8  # facts besides the labels

_COLLECTIONS = {"labels": MAX_LABELS, "event_type_names": MAX_EVENT_TYPES}
_UNARY = frozenset({0, 1, 2, 3})  # !, parentheses, length, type
# < > <= >= ===, contains, starts_with, ends_with, &&, || (both forms), intersection, union, !==, ==, !=, all, any, get
_BINARY = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25, 26, 27})
_KINDS = frozenset({0, 1})  # of checks
_STRING_BYTES = 64  # as much of a string as one step looks at


def inspect(biscuit: form.Biscuit) -> None:
    """Raises Refused where the appended blocks are not to be run."""
    authority, *appended = biscuit.blocks
    for block in appended:
        _inspect_form(block)
    facts = Counter(fact.name for fact in authority.facts)
    longest = max((len(symbol.encode()) for block in biscuit.blocks for symbol in block.symbols), default=0)
    steps = sum(_query_steps(query, facts) for query in queries(appended))
    if steps * (1 + longest // _STRING_BYTES) > MAX_STEPS:
        raise form.Refused("the checks that were appended to the token take too long")


def queries(blocks: Sequence[form.Block]) -> Iterator[form.Query]:
    """Every alternative of every check."""
    return (query for block in blocks for check in block.checks for query in check.queries)


def asks_labels(biscuit: form.Biscuit) -> bool:
    """Whether a check mentions labels."""
    return any(predicate.name in ("label", "labels") for query in queries(biscuit.blocks) for predicate in query.body)


def _inspect_form(block: form.Block) -> None:
    if block.facts or block.rule_count or block.has_scope:
        raise form.Refused("only checks may be appended to a token: no facts, no rules, no scopes")
    if len(block.checks) > MAX_STATEMENTS:
        raise form.Refused(f"a block of the token has more than {MAX_STATEMENTS} checks")
    if any(check.kind not in _KINDS for check in block.checks):
        raise form.Refused("only `check if` and `check all` may be appended to a token")
    for query in queries([block]):
        if query.has_scope:
            raise form.Refused("only checks may be appended to a token: no facts, no rules, no scopes")
        if len(query.body) > MAX_PREDICATES:
            raise form.Refused(f"a check of the token joins more than {MAX_PREDICATES} predicates")
        for ops in query.expressions:
            _inspect_operators(ops)


def _inspect_operators(ops: Sequence[form.Op]) -> None:
    for op in ops:
        if (op.kind == form.UNARY and op.operator not in _UNARY) or (op.kind == form.BINARY and op.operator not in _BINARY):
            raise form.Refused("a check of the token uses an operator that is not allowed, as matches() or arithmetic")
        _inspect_operators(op.body)


def _query_steps(query: form.Query, facts: Counter[str]) -> int:
    """An upper bound: each predicate is held against every fact for each match of the one before it."""
    known = facts.total() + _TOLD + MAX_LABELS
    steps, combinations = 0, 1
    for predicate in query.body:
        steps += combinations * known
        combinations *= facts[predicate.name] + (MAX_LABELS if predicate.name == "label" else 1)
    told = sum(_COLLECTIONS.get(predicate.name, 0) for predicate in query.body)
    return steps + combinations * sum(_expression_steps(ops, told + _elements(ops)) for ops in query.expressions)


def _expression_steps(ops: Sequence[form.Op], width: int) -> int:
    """`width` is how much any collection in the expression can hold: a closure with a parameter runs so often."""
    steps = 0
    for op in ops:
        if op.kind == form.CLOSURE:
            steps += 1 + _expression_steps(op.body, width) * (max(width, 1) if op.parameters else 1)
        elif op.term is not None:
            steps += 1 + (width if op.term.kind == form.VARIABLE else op.term.size)
        else:
            steps += 1
    return steps


def _elements(ops: Sequence[form.Op]) -> int:
    return sum((op.term.size if op.term else 0) + _elements(op.body) for op in ops)
