"""Statements as they go over the wire."""

import pytest
from psycopg import _queries

from hook0_server.store import claim, publish, record


@pytest.mark.parametrize(
    "statement", [publish.SQL.publish, record.SQL.record, claim.SQL.claim_oldest, claim.SQL.claim_fair, claim.SQL.load_payloads]
)
def test_the_driver_keeps_what_it_parsed_of_hot_statements(statement: bytes) -> None:
    assert len(statement) <= _queries.MAX_CACHED_STATEMENT_LENGTH
    assert b"--" not in statement
