"""The scripts are short shell programs that anybody's sh can read."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SCRIPTS = [path for path in (*ROOT.glob("scripts/*"), ROOT / ".ci" / "run") if path.is_file() and not path.suffix]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_short_executable_and_valid_for_sh(script: pathlib.Path) -> None:
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/bin/sh"
    assert len(lines) <= 20
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)


def test_the_scripts_of_the_readme_are_there() -> None:
    assert {"run", "test", "check", "environment", "lock"} <= {path.name for path in SCRIPTS}
