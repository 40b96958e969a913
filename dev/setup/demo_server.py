"""The demonstration's server: started in the background, watched until it answers."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from . import paths, shell
from .ui import Problem, Progress

PID = paths.RUN / "demo.pid"
LOG = paths.LOGS / "demo.log"
START_LIMIT = 120  # seconds until it answers


def running():
    """(process, port) of the demonstration that runs, or None."""
    try:
        process, port = map(int, PID.read_text().split())
        command = open(f"/proc/{process}/cmdline").read()
    except (OSError, ValueError):
        return None
    return (process, port) if str(paths.WORK) in command else None


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def check_port(port):
    if not port_is_free(port):
        raise Problem(
            f"port {port} is in use by another program. Stop that one, or choose "
            f"another port: ./dev/demo --port {port + 1}"
        )


def start(runtime, database, port):
    """Start Odoo on `database`; it goes on when this command has ended."""
    check_port(port)
    gevent_port = next(p for p in range(port + 3, port + 200) if port_is_free(p))
    command = runtime.command(
        *("-d", database, "--db-filter", f"^{database}$"),
        *("--http-port", port, "--gevent-port", gevent_port),
    )
    with LOG.open("w") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=runtime.environment(),
            cwd=paths.WORK,
            start_new_session=True,
        )
    PID.write_text(f"{process.pid} {port}")
    wait_until_healthy(process, port)


def wait_until_healthy(process, port):
    with Progress("starting the server"):
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end:
            if process.poll() is not None:
                raise Problem(f"Odoo stopped at once:\n{shell.tail(LOG)}\n({LOG})")
            if healthy(port):
                return
            time.sleep(0.3)
    raise Problem(f"Odoo does not answer:\n{shell.tail(LOG)}\n({LOG})")


def healthy(port):
    url = f"http://127.0.0.1:{port}/web/health"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def stop():
    """Stop the demonstration; True when there was one."""
    found = running()
    if not found:
        PID.unlink(missing_ok=True)
        return False
    process, _port = found
    os.kill(process, signal.SIGTERM)
    for _attempt in range(100):
        if not running():
            break
        time.sleep(0.1)
    else:
        os.kill(process, signal.SIGKILL)
    PID.unlink(missing_ok=True)
    return True
