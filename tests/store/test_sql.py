"""Statements as they go over the wire."""

from psycopg import _queries

from hook0_server.store import publish


def test_the_driver_keeps_what_it_parsed_of_the_statement_that_also_runs_in_a_transaction() -> None:
    assert len(publish.SQL.publish) <= _queries.MAX_CACHED_STATEMENT_LENGTH
    assert b"--" not in publish.SQL.publish
