"""./dev/clean: stop what was started here and remove the work folder.

--servers stops the demonstration and the private PostgreSQL, and removes nothing.
"""

import shutil

from . import demo_server, paths, postgres
from .ui import Problem, say


def main(arguments):
    only_servers = arguments == ["--servers"]
    if arguments and not only_servers:
        raise Problem("./dev/clean [--servers]")
    if demo_server.stop():
        say("the demonstration is stopped")
    if postgres.stop():
        say("PostgreSQL is stopped")
    if not only_servers:
        remove()


def remove():
    """Only a folder that this set-up made is removed, whatever AVOIR_WORK says."""
    ours = paths.STAMPS.exists() or paths.LOGS.exists()
    if ours or not any(paths.WORK.iterdir()):
        shutil.rmtree(paths.WORK)
        say(f"{paths.WORK} is removed")
    else:
        raise Problem(f"{paths.WORK} was not made by this set-up; it is left alone")
