"""./dev/i18n: export the terms from a fresh database, merge them, say what is missing.

--check only says whether i18n/avoir.pot is up to date.
"""

import subprocess

from . import databases, paths, runtime, shell, venv
from .ui import Problem, say

FOLDER = paths.ROOT / "i18n"


def main(arguments):
    only_check = arguments == ["--check"]
    if arguments and not only_check:
        raise Problem("./dev/i18n [--check]")
    ready = runtime.prepare()
    template = export(ready)
    FOLDER.mkdir(exist_ok=True)
    if run_tool("same" if only_check else "merge", template):
        raise Problem(
            "i18n/avoir.pot is not up to date: run ./dev/i18n"
            if only_check
            else "translate what is listed above in i18n/fr.po and i18n/nl.po"
        )
    say("i18n is up to date")


def export(ready):
    """The template of terms, exported by Odoo from a database with avoir."""
    store = databases.Databases(ready)
    database, _log = store.installed()
    template = paths.WORK / "avoir.pot"
    store.odoo(
        database,
        *("i18n", "export", "-l", "pot", "-o", template, paths.MODULE),
        label="exporting the terms",
    )
    return template


def run_tool(action, template):
    script = paths.DEV / "setup" / "po_tool.py"
    command = [venv.ODOO.python, script, action, FOLDER, template]
    done = subprocess.run(
        [str(part) for part in command], env=shell.environment(), check=False
    )
    return done.returncode
