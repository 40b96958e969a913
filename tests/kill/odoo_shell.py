"""Runs scripts in Odoo processes of their own, which the tests may kill."""

import json
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def start(script, **environment):
    """Feed a script to an ``odoo shell`` on the database of the test."""
    command = json.loads(os.environ["AVOIR_ODOO_CMD"])
    process = subprocess.Popen(
        [*command, "shell", "-d", os.environ["AVOIR_TEST_DB"], "--no-http"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "KILL_TESTS": str(HERE), **environment},
    )
    process.stdin.write(script)
    process.stdin.close()
    process.stdin = None
    return process


def answer(process):
    """What the script printed behind ANSWER, read as JSON."""
    out, err = process.communicate(timeout=600)
    for line in out.splitlines():
        if "ANSWER " in line:
            return json.loads(line.split("ANSWER ", 1)[1])
    raise AssertionError(f"no answer:\n{out[-2000:]}\n{err[-6000:]}")


def run(script, **environment):
    """The answer of a script."""
    return answer(start(script, **environment))
