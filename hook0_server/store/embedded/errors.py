"""What can be wrong with the embedded PostgreSQL."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot run; the message says why, and what to do."""


class DataDirectoryInUse(EmbeddedError):
    """Another server holds this data directory."""


class WrongVersion(EmbeddedError):
    """The data directory was made by another major version of PostgreSQL."""
