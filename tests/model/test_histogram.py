"""A histogram counts as Prometheus means it: a bound belongs to its bucket, and buckets hold what is below them too."""

import random

from hook0_server.model import histogram


def test_a_bound_belongs_to_its_bucket_and_what_is_above_all_is_counted_in_the_last() -> None:
    made = histogram.Histogram((1.0, 2.0))
    for value in (0.0, 1.0, 1.5, 2.0, 99.0):
        made.add(value)
    assert made.cumulated() == [2, 4, 5]
    assert made.total == 103.5


def test_many_at_once_are_as_each_on_its_own_and_as_many_times_the_same() -> None:
    values = [random.choice([0.001, 0.3, 0.5, 7.0, 60.0]) for _ in range(200)]
    alone, together, times = (histogram.Histogram(histogram.SECONDS) for _ in range(3))
    for value in values:
        alone.add(value)
    together.add_all(values)
    for value in set(values):
        times.add(value, values.count(value))
    expected = [sum(value <= bound for value in values) for bound in (*histogram.SECONDS, float("inf"))]
    assert alone.cumulated() == together.cumulated() == times.cumulated() == expected
    assert abs(together.total - sum(values)) + abs(times.total - sum(values)) < 1e-6
