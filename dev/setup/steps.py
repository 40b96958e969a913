"""Steps that are done once, also when interrupted or started twice at once."""

import fcntl
import hashlib
import shutil
from contextlib import contextmanager

from . import paths
from .ui import say


@contextmanager
def lock(name, waiting=True):
    """Hold a lock between processes; say so when another one holds it."""
    paths.LOCKS.mkdir(parents=True, exist_ok=True)
    with (paths.LOCKS / name).open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if waiting:
                say(f"  … waiting for another run in this clone ({name})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def digest(*parts):
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


def done(name, key):
    stamp = paths.STAMPS / name
    return stamp.exists() and stamp.read_text() == key


def once(name, key, work, label=None, target=None):
    """Run `work()` unless a stamp says that it was finished with this `key`.

    The stamp is written last and `target` is removed first: what was left half done
    by an interruption is thrown away and done anew.
    """
    if done(name, key):
        return False
    with lock(name):
        if done(name, key):
            return False
        if label:
            say(f"• {label}")
        stamp = paths.STAMPS / name
        stamp.unlink(missing_ok=True)
        if target is not None:
            shutil.rmtree(target, ignore_errors=True)
        work()
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(key)
    return True
