"""A PostgreSQL of our own, for who brings none: made on first use, and there for as long as the context is open.

`server` runs it and starts it again when it dies; `directory` prepares what it keeps on disk; `process` decides as whom
it runs and starts it through `become`; `leftovers` ends what a killed owner left behind.
"""

from hook0_server.store.embedded.errors import DataDirectoryInUse, EmbeddedError, WrongVersion
from hook0_server.store.embedded.server import CONNECTIONS, Server, run

__all__ = ["CONNECTIONS", "DataDirectoryInUse", "EmbeddedError", "Server", "WrongVersion", "run"]
