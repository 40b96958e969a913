"""Which lines the tests never ran: ./dev/test --coverage."""

import os

from . import paths, shell, venv
from .ui import say

FOLDER = paths.WORK / "coverage" / str(os.getpid())
DATA = f"--data-file={FOLDER / 'data'}"
LEFT_OUT = ("dev", "tests", "connectors/tests", "benchmarks", ".work")


def wrapped(command):
    """The same command, its lines written down; one file for each process."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    python, *rest = command
    omitted = ",".join(f"{paths.ROOT}/{name}/*" for name in LEFT_OUT)
    options = [f"--source={paths.ROOT}", f"--omit={omitted},*/__manifest__.py"]
    return [python, "-m", "coverage", "run", "-p", DATA, *options, *rest]


def report():
    """Combine the shards and print what is missing."""
    tool = [venv.ODOO.python, "-m", "coverage"]
    shell.run([*tool, "combine", DATA, FOLDER], "combining coverage")
    command = [*tool, "report", DATA, "--skip-covered", "--skip-empty", "-m"]
    say(shell.output(command, cwd=paths.ROOT) or "nothing was covered")
