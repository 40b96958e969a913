"""The runners behind ./dev/test; each returns a `results.Result`."""

import json
import os
import subprocess
import time

from . import covered_lines, databases, i18n, paths, results, runtime, shell, venv
from .ui import Progress

TOUR_TAG = "avoir_tour"
KILL_TESTS = paths.ROOT / "tests" / "kill"


def logs():
    """A folder of logs for this run."""
    folder = paths.LOGS / f"test-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


RUNNING = set()


def terminate():
    """End what is still running, so that an interrupted run leaves nothing behind."""
    for process in list(RUNNING):
        process.terminate()


def watch(command, env, log, label, cwd=None):
    """Run to the end, its log in a file, with progress; the exit code and seconds."""
    with Progress(label) as progress, log.open("w") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd or paths.WORK,
        )
        RUNNING.add(process)
        try:
            while True:
                try:
                    code = process.wait(2)
                    break
                except subprocess.TimeoutExpired:
                    progress.detail = count_started(log)
        except BaseException:
            process.terminate()
            raise
        finally:
            RUNNING.discard(process)
    return code, progress.seconds


def count_started(log):
    text = log.read_text(errors="replace")
    started = text.count(": Starting Test")
    bad = text.count(": FAIL: ") + text.count(": ERROR: ")
    return f"{started} started, {bad} bad" if started else ""


def unittest_result(name, arguments, log, env, label):
    """Run `run_unittest.py` and read its outcome."""
    out = log.with_suffix(".json")
    out.unlink(missing_ok=True)
    script = paths.DEV / "setup" / "run_unittest.py"
    command = [venv.ODOO.python, script, out, *arguments]
    code, seconds = watch(command, env, log, label, cwd=paths.ROOT)
    result = results.Result(name, log=log, seconds=seconds)
    if not out.exists():
        result.fail(f"exit code {code}", shell.tail(log, 30))
        return result
    outcome = json.loads(out.read_text())
    result.started = outcome["started"]
    for test, text in outcome["failures"]:
        result.fail(test, text, test=not test.startswith(("setUp", "tearDown")))
    result.skipped = dict(outcome["skipped"])
    return result


def pure(patterns=()):
    """The tests of connectors/, which know no Odoo: it cannot be imported there."""
    folder = paths.ROOT / "connectors" / "tests"
    if not folder.exists():
        return results.Result("connectors")
    arguments = ["discover", folder, paths.ROOT, *patterns]
    env = shell.environment(PYTHONDONTWRITEBYTECODE=1)
    return unittest_result(
        "connectors", arguments, logs() / "connectors.log", env, "connectors"
    )


def odoo(ready, name, database, tags, update=False, covered=False):
    """Odoo's tests that match `tags`, on a database that has avoir already."""
    log = logs() / f"{name}.log"
    arguments = ["-d", database, "--test-tags", ",".join(tags), "--stop-after-init"]
    arguments += ["--screenshots", logs(), "--max-cron-threads", "0"]
    arguments += ["-u", paths.MODULE] if update else []
    command = ready.command(*arguments, *runtime.ports())
    if covered:
        command = covered_lines.wrapped(command)
    code, seconds = watch(command, ready.environment(), log, f"Odoo tests ({name})")
    result = results.Result(name, log=log, seconds=seconds)
    results.read_odoo_tests(result, log.read_text(errors="replace"))
    if code and not result.failures:
        result.fail(f"Odoo ended with exit code {code}", shell.tail(log, 30))
    return result


def kill(ready, store, template, patterns=()):
    """Scripts that start and kill Odoo themselves, each on a database of its own."""
    total = results.Result("kill")
    started = time.monotonic()
    for file in sorted(KILL_TESTS.glob("test_*.py")):
        database = store.copy(template, databases.run_name(file.stem))
        log = logs() / f"kill-{file.stem}.log"
        env = ready.environment(
            AVOIR_ODOO_CMD=json.dumps(ready.command()),
            AVOIR_ODOO_RC=paths.ODOO_RC,
            AVOIR_TEST_DB=database,
            AVOIR_LOGS=logs(),
            PGDATABASE=database,
        )
        try:
            arguments = ["file", file, *patterns]
            one = unittest_result(file.stem, arguments, log, env, f"kill {file.stem}")
        finally:
            store.drop(database)
        total.started += one.started
        for test, text in one.failures.items():
            total.fail(f"{file.stem}: {test}", text, test=test not in one.others)
        total.skipped |= {f"{file.stem}: {k}": v for k, v in one.skipped.items()}
        total.log = logs()
    total.seconds = time.monotonic() - started
    return total


def odoo_tests():
    return sorted((paths.ROOT / "tests").glob("test_*.py"))


def has_tours():
    return any(TOUR_TAG in file.read_text() for file in odoo_tests())


def terms(ready, store, template):
    """Is the template of terms what Odoo would export now?"""
    started = time.monotonic()
    result = results.Result("i18n", started=1, log=logs() / "i18n.log")
    problem = i18n.outdated(store, template, result.log)
    if problem:
        result.fail("i18n/avoir.pot is not up to date: ./dev/i18n", problem, test=True)
    result.seconds = time.monotonic() - started
    return result
