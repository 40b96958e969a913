"""./dev/i18n: export the terms from a fresh database, merge them, say what is missing.

--check only says whether i18n/avoir.pot is up to date.
"""

import os
import subprocess

from . import databases, paths, runtime, shell, venv
from .ui import Problem, say

FOLDER = paths.ROOT / "i18n"


def main(arguments):
    only_check = arguments == ["--check"]
    if arguments and not only_check:
        raise Problem("./dev/i18n [--check]")
    store = databases.Databases(runtime.prepare())
    database, _log = store.installed()
    if only_check:
        problem = outdated(store, database)
        if problem:
            raise Problem(f"i18n/avoir.pot is not up to date: ./dev/i18n\n{problem}")
    else:
        merge(store, database)
    say("i18n is up to date")


def merge(store, database):
    template = export(store, database)
    FOLDER.mkdir(exist_ok=True)
    done = run_tool("merge", template)
    say(done.stdout.rstrip())
    if done.returncode:
        raise Problem("translate what is listed above in i18n/fr.po and i18n/nl.po")


def outdated(store, database, log=None):
    """What is wrong with the template of terms; nothing when it is up to date."""
    done = run_tool("same", export(store, database, log))
    return (done.stdout + done.stderr).strip() if done.returncode else ""


def export(store, database, log=None):
    """The template of terms, exported by Odoo from a copy of `database`."""
    template = paths.RUN / f"avoir-{os.getpid()}.pot"
    copy = store.copy(database, databases.run_name("i18n"))
    try:
        store.odoo(
            copy,
            *("i18n", "export", "-l", "pot", "-o", template, paths.MODULE),
            label="exporting the terms",
            log=log,
        )
    finally:
        store.drop(copy)
    return template


def run_tool(action, template):
    script = paths.DEV / "setup" / "po_tool.py"
    command = [venv.ODOO.python, script, action, FOLDER, template]
    done = subprocess.run(
        [str(part) for part in command],
        env=shell.environment(),
        capture_output=True,
        text=True,
    )
    template.unlink()
    return done
