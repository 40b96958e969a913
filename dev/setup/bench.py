"""./dev/bench: runs what is in benchmarks/, each on a database of its own.

What a benchmark is given and must do: benchmarks/README.md.
"""

import argparse
import json
import os
import platform
import subprocess
import time
import urllib.request

from . import databases, demo_server, paths, runners, runtime, shell, steps
from .ui import Problem, say

FOLDER = paths.ROOT / "benchmarks"
RUNNER = paths.DEV / "setup" / "bench_runner.py"
PREPARED = "avoir_bench_"
UNINSTALL = (
    "env['ir.module.module'].search([('name', '=', 'avoir')])"
    ".button_immediate_uninstall()\n"
)


def main(arguments):
    options = parse(arguments)
    chosen = choose(options.names)
    ready = runtime.prepare()
    store = databases.Databases(ready)
    store.sweep()
    say(heading(ready))
    failed = [file.stem for file in chosen if not measure(ready, store, file, options)]
    if failed:
        raise Problem(f"these benchmarks failed: {', '.join(failed)}")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--lines", type=int, default=3, help="lines a document")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chunk", type=int, default=100)
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args(arguments)


def choose(names):
    there = {
        file.stem: file
        for file in sorted(FOLDER.glob("*.py"))
        if not file.stem.startswith("_") and file.stem != "common"
    }
    unknown = set(names) - set(there)
    if unknown or not there:
        known = ", ".join(there) or "none yet"
        raise Problem(f"there is no such benchmark in benchmarks/ (there are: {known})")
    return [there[name] for name in names or there]


def heading(ready):
    """What the numbers depend on, beside the code."""
    git = ["git", "-C", paths.ROOT]
    commit = (shell.output([*git, "rev-parse", "--short", "HEAD"]) or "?").strip()
    changed = shell.output([*git, "status", "--porcelain", "-uno"])
    version = ready.server.query("SHOW server_version")[0][0]
    return (
        f"avoir {commit}{' with changes' if changed else ''}, "
        f"Odoo {ready.odoo.version}, Python {platform.python_version()}, "
        f"PostgreSQL {version.split()[0]}, {os.cpu_count()} cores"
    )


def measure(ready, store, file, options):
    say(f"\n== {file.stem}")
    source = prepared(ready, store, file, options)
    name = databases.run_name(f"bench_{file.stem}")
    store.copy(source, name)
    plain, server = "", None
    try:
        if "\nNEEDS_PLAIN = True" in file.read_text():
            plain = without_avoir(store, source, f"{name}_plain")
        address = ""
        if "\nNEEDS_SERVER = True" in file.read_text():
            server, address = start_server(ready, name)
        more = {"base_url": address, "plain_database": plain}
        return call(ready, name, file, "run", options, **more)
    finally:
        if server:
            server.terminate()
            server.wait()
        store.drop(name)
        if plain:
            store.drop(plain)


def without_avoir(store, source, name):
    """A copy that avoir was uninstalled from: the same data, Odoo's own behaviour."""
    store.copy(source, name)
    store.odoo(
        name,
        *("shell", "--no-http", "--log-level", "warn", "--max-cron-threads", "0"),
        label="uninstalling avoir",
        stdin=UNINSTALL,
    )
    return name


def prepared(ready, store, file, options):
    """The installed database, with the benchmark's own data if it makes any."""
    template, _log = store.installed()
    if "\ndef prepare(" not in file.read_text():
        return template
    key = steps.digest(
        template, options.documents, options.lines, *sources(), *options.option
    )
    name = f"{PREPARED}{file.stem}_{key}"
    with steps.lock(name):
        if not store.exists(name):
            for (old,) in store.server.query(
                "SELECT datname FROM pg_database "
                f"WHERE datname LIKE '{PREPARED}{file.stem}\\_%'"
            ):
                store.drop(old)
            half = f"{name}_half"
            store.copy(template, half)
            say("preparing its data (once)")
            if not call(ready, half, file, "prepare", options):
                store.drop(half)
                raise Problem(f"benchmarks/{file.name}: its data could not be made")
            store.rename(half, name)
    return name


def sources():
    return [file.read_text() for file in sorted(FOLDER.glob("*.py"))]


def call(ready, database, file, function, options, **more):
    """Call one function of the benchmark in Odoo's shell; its words go straight on."""
    task = {**vars(options), **more, "file": str(file), "function": function}
    done = subprocess.run(
        ready.command(
            *("shell", "-d", database, "--log-level", "error"),
            *("--max-cron-threads", "0", "--no-http"),
        ),
        input=RUNNER.read_text(),
        text=True,
        env=ready.environment(AVOIR_BENCH=json.dumps(task)),
        cwd=paths.WORK,
    )
    return done.returncode == 0


def start_server(ready, database):
    """A threaded server without crons, as the webhook is measured on."""
    ports = runtime.ports()
    log = runners.logs() / "bench-server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            ready.command("-d", database, "--max-cron-threads", "0", *ports),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=ready.environment(),
            cwd=paths.WORK,
        )
    port = ports[1]
    for _attempt in range(200):
        if demo_server.healthy(port):
            break
        time.sleep(0.3)
    else:
        process.kill()
        raise Problem(f"the server does not answer: {log}")
    address = f"http://127.0.0.1:{port}"
    urllib.request.urlopen(f"{address}/web/login").read()
    return process, address
