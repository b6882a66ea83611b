"""What can be wrong with the embedded PostgreSQL."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot run; the message says why, and what to do."""


class DataDirectoryInUse(EmbeddedError):  # noqa: N818  the state is the name callers look for
    """Another server holds this data directory."""


class WrongVersion(EmbeddedError):  # noqa: N818  as above
    """The data directory was made by another major version of PostgreSQL."""
