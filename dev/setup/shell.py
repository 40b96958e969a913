"""Runs other programs: output into a log, failures as advice."""

import os
import subprocess

from . import paths
from .ui import Problem, Progress

LEFT_OUT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "ODOO_RC", "OPENERP_SERVER")


def environment(**changes):
    """The environment of child processes, without a caller's virtual environment."""
    env = {k: v for k, v in os.environ.items() if k not in LEFT_OUT}
    env["PATH"] = f"{paths.BIN}{os.pathsep}{env.get('PATH', os.defpath)}"
    env.update({k: str(v) for k, v in changes.items()})
    return env


def tail(path, lines=15):
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def run(
    command, label, advice="", env=None, cwd=None, stdin=None, log=None, excerpt=tail
):
    """Run `command` to its end, logged; a failure becomes a `Problem` with `advice`.

    `excerpt` picks out of the log what a person should read of a failure.
    """
    log = log or paths.LOGS / f"setup-{label.replace(' ', '-').replace('/', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with Progress(label), log.open("w") as out:
        try:
            done = subprocess.run(
                [str(part) for part in command],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=env or environment(),
                cwd=cwd or paths.WORK,
                input=stdin,
                text=True,
                **({} if stdin is not None else {"stdin": subprocess.DEVNULL}),
            )
        except FileNotFoundError as error:
            raise Problem(f"{label}: {command[0]} is missing. {advice}") from error
    if done.returncode:
        raise Problem(f"{label} failed.\n{excerpt(log)}\n(all of it: {log})\n{advice}")
    return log


def output(command, env=None, cwd=None, stdin=None):
    """What `command` prints, or None when it fails."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env or environment(),
            cwd=cwd,
            input=stdin or "",
            text=True,
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
