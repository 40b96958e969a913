"""./dev/demo: a server to try avoir on, with its story already told."""

import argparse

from . import (
    addon,
    databases,
    demo_server,
    demo_story,
    paths,
    runtime,
    steps,
)
from .ui import Progress, say

DATABASE = "avoir_demo"
PORT = 8069


class Context:
    """What the story gets; see `demo_story.run`."""

    def __init__(self, ready, store, port, fresh):
        self.runtime = ready
        self.databases = store
        self.database = DATABASE
        self.base_url = f"http://localhost:{port}"
        self.fresh = fresh

    def shell(self, code):
        """Run Python in `odoo shell` on the database; `env` is there, commit it."""
        return self.databases.odoo(
            self.database,
            *("shell", "--no-http", "--log-level", "warn"),
            label="odoo shell",
            stdin=code,
        ).read_text()


def main(arguments):
    options = parse(arguments)
    if options.action == "stop":
        say("stopped" if demo_server.stop() else "it was not running")
        return
    with steps.lock("demo"):
        start(options)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev/demo", description=__doc__)
    parser.add_argument("action", nargs="?", choices=["start", "stop"], default="start")
    parser.add_argument("--port", type=int, default=None, help=f"default {PORT}")
    parser.add_argument("--fresh", action="store_true", help="with a new database")
    return parser.parse_args(arguments)


def start(options):
    found = demo_server.running()
    port = options.port or (found[1] if found else PORT)
    if found and (options.fresh or port != found[1]):
        demo_server.stop()
        found = None
    if not found:
        demo_server.check_port(port)
    ready = runtime.prepare()
    store = databases.Databases(ready)
    fresh, changed = make_database(store, options.fresh)
    if found and changed:
        demo_server.stop()
        found = None
    if not found:
        set_base_url(store, port)
        demo_server.start(ready, DATABASE, port)
    context = Context(ready, store, port, fresh)
    demo_story.run(context)
    farewell(context)


def make_database(store, anew):
    """(is it new, was it changed): made once, updated when the addon's files change."""
    stamp = paths.STAMPS / "demo-database"
    key = addon.installed_key()
    if anew or not store.exists(DATABASE):
        stamp.unlink(missing_ok=True)
        template, _log = store.installed(demo=True)
        store.drop(DATABASE)
        store.copy(template, DATABASE)
    elif stamp.exists() and stamp.read_text() == key:
        return False, False
    else:
        update(store)
        stamp.write_text(key)
        return False, True
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(key)
    return True, True


def update(store):
    say("• updating avoir in the demonstration")
    with Progress("updating avoir"):
        store.odoo(
            DATABASE,
            *("-u", paths.MODULE, "--stop-after-init", "--no-http"),
            label="updating avoir in the demonstration",
        )


def set_base_url(store, port):
    """PDFs fetch their style from this address, whatever name a browser uses."""
    address = databases.quoted(f"http://127.0.0.1:{port}")
    store.server.query(
        "INSERT INTO ir_config_parameter (key, value) "
        f"VALUES ('report.url', {address}) "
        "ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
        DATABASE,
    )


def farewell(context):
    say()
    say(f"{context.base_url}   is running ({demo_server.LOG})")
    for role, login, password in demo_story.USERS:
        say(f"  {role:<28} {login} / {password}")
    say("stop it with ./dev/demo stop, remove everything with ./dev/clean")
