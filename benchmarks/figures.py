"""Figures from many measured values: percentiles, medians, and how they are rounded."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any, Self


@dataclasses.dataclass(frozen=True, slots=True)
class Latency:
    """Of `count` measured times, in milliseconds; NaN where nothing was measured."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self:
        ordered = sorted(seconds)
        if not ordered:
            return cls(0, *[float("nan")] * 4)
        last = len(ordered) - 1
        return cls(len(ordered), *[round(ordered[round(last * part)] * 1e3, 3) for part in (0.5, 0.95, 0.99, 1.0)])

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        """From JSON, where what was not measured is null."""
        return cls(
            told["count"], *[float("nan") if told[name] is None else told[name] for name in ("p50", "p95", "p99", "max")]
        )

    def named(self, name: str, *parts: str) -> dict[str, float]:
        """Columns of a result: `named("ack", "p50", "p99")` gives ack_p50_ms and ack_p99_ms."""
        return {f"{name}_{part}_ms": rounded(getattr(self, part)) for part in parts}


def rounded(value: float) -> float:
    """Three significant digits: more would claim what was not measured. Whole numbers stay whole."""
    if value != value or value == 0:  # NaN
        return value
    return float(f"{value:.3g}") if abs(value) < 100 else round(value)


def ratio_of_medians(these: Sequence[float], those: Sequence[float]) -> float:
    return round(statistics.median(these) / statistics.median(those), 3)


def spread(values: Sequence[float]) -> str:
    """What every turn gave, so that a reader sees how far to trust the median."""
    return " ".join(f"{rounded(value):g}" for value in values)


def as_json(value: Any) -> Any:
    """JSON has no NaN: what was not measured is null."""
    match value:
        case float() if value != value:
            return None
        case dict():
            return {key: as_json(each) for key, each in value.items()}
        case list():
            return [as_json(each) for each in value]
    return value
