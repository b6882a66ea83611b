"""Stands in for grpcurl where that is not installed: the same request through `buf curl`, found by the server's reflection.

It knows what the README uses: -plaintext, -H HEADER, -d DATA (`@`: stdin), ADDRESS, METHOD.
"""

import os
import pathlib
import sys


def main() -> None:
    """Become buf."""
    buf = pathlib.Path(sys.executable).with_name("buf")
    command = [str(buf), "curl", "--protocol", "grpc", "--http2-prior-knowledge", *_translated(sys.argv[1:])]
    os.execv(buf, command)  # noqa: S606 - buf takes the place of this process, signals and all


def _translated(given: list[str]) -> list[str]:
    *options, address, method = given
    translated = []
    words = iter(options)
    for word in words:
        match word:
            case "-plaintext":
                continue
            case "-H":
                translated += ["--header", next(words)]
            case "-d":
                data = next(words)
                translated += ["--data", "@-" if data == "@" else data]
            case _:
                sys.exit(f"{word}: not an option that the README uses")
    return [*translated, f"http://{address}/{method}"]


if __name__ == "__main__":
    main()
