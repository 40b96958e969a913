"""The commands, and the last catch: a person reads advice, never a traceback."""

import errno
import importlib
import signal
import sys
import traceback

from . import paths
from .ui import Problem, warn

COMMANDS = {
    "bench": "bench",
    "clean": "clean",
    "db": "databases",
    "demo": "demo",
    "i18n": "i18n",
    "lint": "lint",
    "lock": "venv",
    "odoo": "odoo",
    "psql": "postgres",
    "screenshot": "screenshot",
    "test": "testing",
    "test-contracts": "contracts",
    "test-core": "core_tests",
    "test-extra": "extra",
}


def main(arguments):
    name, arguments = arguments[0], arguments[1:]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clean up, as for ^C
    try:
        prepare_work()
        module = importlib.import_module(f"setup.{COMMANDS[name]}")
        return module.main(arguments) or 0
    except Problem as problem:
        warn(f"./dev/{name}: {problem}")
    except KeyboardInterrupt:
        warn("stopped; the next run goes on from here")
        return 130
    except BrokenPipeError:  # e.g. piped into `head`
        sys.stderr.close()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            return unexpected(name)
        warn(f"no space left on the disk that holds {paths.WORK} (3 GB are needed)")
    except Exception:
        return unexpected(name)
    return 1


def prepare_work():
    try:
        paths.WORK.mkdir(parents=True, exist_ok=True)
        for folder in (paths.BIN, paths.LOGS, paths.RUN, paths.DATA):
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise Problem(
            f"cannot write to {paths.WORK} ({error.strerror}). Name another folder "
            "with AVOIR_WORK=/some/folder."
        ) from error


def unexpected(name):
    """A fault of this set-up itself: kept in a file, named in one line."""
    log = paths.LOGS / "unexpected.log"
    error = sys.exc_info()[1]
    try:
        log.write_text(traceback.format_exc())
        where = f" Details: {log}"
    except OSError:
        where = ""
    warn(f"./dev/{name}: unexpected: {type(error).__name__}: {error}.{where}")
    return 1
