"""How much of a workload is run, and where its rows go while it runs."""

import dataclasses
from collections.abc import Callable
from typing import Any

from benchmarks import figures

Result = dict[str, Any]
"""One row, flat: `workload`, `variant`, then figures whose names end in their unit (`_ms`, `_us`, `_mib`, `per_second`)."""


@dataclasses.dataclass(slots=True)
class Scale:
    """What a workload is given: `quick` asks for a run of seconds that shows that it works, not for figures."""

    quick: bool
    show: Callable[[Result], None]

    def pick(self, full: Any, quick: Any) -> Any:
        return quick if self.quick else full

    def row(self, workload: str, variant: str, **measured: Any) -> Result:
        """A result, shown at once; floats are rounded to three digits."""
        kept = {name: figures.rounded(value) if isinstance(value, float) else value for name, value in measured.items()}
        result = {"workload": workload, "variant": variant, **kept}
        self.show(result)
        return result
