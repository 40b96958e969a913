"""Databases, made once and copied.

`deps` is a database with everything avoir depends on; it takes a minute or two and is
kept as a dump, which restores in seconds. `installed` is a copy with avoir in it, made
anew when the addon's files change. Tests, benchmarks and translations work on copies.
"""

import os
import re
import shutil
import time

from . import addon, paths, results, shell, steps
from .ui import Problem, say

RECIPE = "4"
KEPT_INSTALLED = 4
FILESTORE = paths.DATA / "filestore"
PREGENERATE = "env['ir.qweb']._pregenerate_assets_bundles(); env.cr.commit()\n"


class NotInstallable(Problem):
    """avoir cannot be installed as its files are now."""


WITHOUT_AUTOVACUUM = """
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT oid::regclass AS name FROM pg_class
                WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', one.name);
    END LOOP;
END $$
"""


class Databases:
    def __init__(self, runtime):
        self.runtime = runtime
        self.server = runtime.server

    # -- plain operations ---------------------------------------------------------

    def exists(self, name):
        rows = self.server.query(
            f"SELECT 1 FROM pg_database WHERE datname = {quoted(name)}"
        )
        return bool(rows)

    def copy(self, template, name):
        """A copy in under a second: PostgreSQL copies, the files are hard links."""
        with steps.lock("databases", waiting=False):
            self._create(name, template)
            copy_files(template, name)
        return name

    def copy_for_tests(self, template, name):
        """A copy whose statistics stay: tests write without committing, autovacuum
        counts no row of that, and PostgreSQL then takes minutes over some joins."""
        self.copy(template, name)
        with steps.lock("databases", waiting=False):
            self._sql(WITHOUT_AUTOVACUUM, database=name)
        return name

    def _create(self, name, template="template0"):
        self._sql(
            f'CREATE DATABASE "{name}" TEMPLATE "{template}"',
            "Somebody is connected to the template, or the disk is full.",
        )

    def drop(self, name):
        with steps.lock("databases", waiting=False):
            self._sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            shutil.rmtree(FILESTORE / name, ignore_errors=True)

    def rename(self, old, new):
        with steps.lock("databases", waiting=False):
            self._sql(f'ALTER DATABASE "{old}" RENAME TO "{new}"')
            shutil.rmtree(FILESTORE / new, ignore_errors=True)
            if (FILESTORE / old).exists():
                (FILESTORE / old).rename(FILESTORE / new)

    def _sql(self, sql, advice="", database="postgres"):
        psql = [self.server.program("psql"), "-Xq", "-v", "ON_ERROR_STOP=1"]
        command = [*psql, "-d", database, "-c", sql]
        shell.run(
            command,
            f"database-{os.getpid()}",
            advice,
            env=self.server.environment(),
        ).unlink()

    def odoo(self, name, *arguments, label, log=None, stdin=None):
        return shell.run(
            self.runtime.command(*arguments, "-d", name),
            label,
            "If these words of Odoo name a file of avoir, mend that.",
            env=self.runtime.environment(),
            log=log,
            stdin=stdin,
            excerpt=results.errors,
        )

    # -- what is kept -----------------------------------------------------------------

    def deps(self, demo=False):
        """The database with the dependencies; restored or made when missing."""
        kind = "demodeps" if demo else "deps"
        odoo = self.runtime.odoo.version
        key = steps.digest(RECIPE, odoo, *addon.dependencies())
        name = f"avoir_{kind}_{key}"
        with steps.lock(name):
            if self.exists(name):
                return name
            dump = paths.TEMPLATES / f"{name}.dump"
            if dump.exists():
                self._restore(dump, name)
            else:
                self._make_deps(name, dump, ["--with-demo"] if demo else [])
                self._forget_old_dumps(f"avoir_{kind}_*", dump)
        return name

    def _make_deps(self, name, dump, flags):
        half = f"{name}_half"
        self.drop(half)
        self._create(half)
        data = " and demo data" if flags else ""
        say(f"• a database with what avoir depends on{data} (once, about 2 minutes)")
        self.odoo(
            half,
            *("-i", ",".join(addon.dependencies()), *flags),
            *("--stop-after-init", "--no-http"),
            label="installing the dependencies",
        )
        self.odoo(
            half,
            *("shell", "--no-http", "--log-level", "warn"),
            label="building the assets",
            stdin=PREGENERATE,
        )
        self._dump(half, dump)
        self.rename(half, name)

    def _forget_old_dumps(self, pattern, kept):
        for old in paths.TEMPLATES.glob(pattern):
            if old.stem != kept.stem:
                remove(old)
                self.drop(old.stem)

    def _dump(self, name, dump):
        paths.TEMPLATES.mkdir(exist_ok=True)
        files = dump.with_suffix(".files")
        copy_tree(FILESTORE / name, files)
        half = dump.with_suffix(".half")
        command = [self.server.program("pg_dump"), "-Fc", "-f", half, name]
        shell.run(command, "dumping", env=self.server.environment())
        half.rename(dump)

    def _restore(self, dump, name):
        say("• restoring the database with what avoir depends on")
        half = f"{name}_half"
        self.drop(half)
        self._create(half)
        command = [self.server.program("pg_restore"), "-j2", "--no-owner", "-d", half]
        shell.run([*command, dump], "restoring", env=self.server.environment())
        copy_tree(dump.with_suffix(".files"), FILESTORE / half)
        self.rename(half, name)

    def installed(self, demo=False):
        """The database with avoir as its files are now, and the log of installing."""
        deps, key = self.deps(demo), addon.installed_key()
        name = f"avoir_installed_{steps.digest(deps, key)}"
        log = paths.LOGS / f"{name}.log"
        with steps.lock(name):
            if not (self.exists(name) and log.exists()):
                self._install(deps, name, log)
        os.utime(log)
        return name, log

    def _install(self, deps, name, log):
        half = f"{name}_half"
        self.drop(name)
        self.drop(half)
        self.copy(deps, half)
        say("• installing avoir")
        started = time.monotonic()
        try:
            self.odoo(
                half,
                *("-i", paths.MODULE, "--stop-after-init", "--no-http"),
                label="installing avoir",
                log=log.with_suffix(".half"),
            )
        except Problem as problem:
            raise NotInstallable(str(problem)) from problem
        self.rename(half, name)
        log.with_suffix(".half").rename(log)
        say(f"  installed in {time.monotonic() - started:.0f} s")
        self._forget_old_installations()

    def _forget_old_installations(self):
        logs = sorted(
            paths.LOGS.glob("avoir_installed_*.log"),
            key=lambda log: log.stat().st_mtime,
        )
        for log in logs[:-KEPT_INSTALLED]:
            log.unlink(missing_ok=True)
            self.drop(log.stem)

    def sweep(self):
        """Drop databases of runs that are no longer there (they were killed)."""
        rows = self.server.query(
            "SELECT datname FROM pg_database WHERE datname LIKE 'avoir\\_run\\_%'"
        )
        for (name,) in rows:
            found = re.match(r"avoir_run_(\d+)_", name)
            if found and not os.path.exists(f"/proc/{found[1]}"):
                self.drop(name)


def run_name(suffix):
    """A database name that belongs to this process alone."""
    return f"avoir_run_{os.getpid()}_{suffix}"


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def copy_files(template, name):
    copy_tree(FILESTORE / template, FILESTORE / name)


def copy_tree(source, target):
    """Copy by hard links: Odoo only ever adds and removes files in a filestore."""
    shutil.rmtree(target, ignore_errors=True)
    if source.exists():
        shutil.copytree(source, target, copy_function=link_or_copy)


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def main(arguments):
    """./dev/db new NAME [--demo] | drop NAME | list"""
    from . import runtime

    action, *names = [word for word in arguments if word != "--demo"] or ["list"]
    store = Databases(runtime.prepare())
    if action == "new" and len(names) == 1:
        template, _log = store.installed(demo="--demo" in arguments)
        store.drop(names[0])
        store.copy(template, names[0])
        say(f"{names[0]} is there: ./dev/odoo -d {names[0]} --http-port 8070")
    elif action == "drop" and names:
        for name in names:
            store.drop(name)
    elif action == "list":
        for row in store.server.query("SELECT datname FROM pg_database ORDER BY 1"):
            say(row[0])
    else:
        raise Problem(main.__doc__)
