"""Everything together: Odoo, its Python, the database server, its configuration."""

import os
import socket

from . import addon, odoo_source, paths, postgres, steps, venv, wkhtml


class Runtime:
    """What is needed to start Odoo; `prepare()` makes one."""

    def __init__(self, odoo, server):
        self.odoo = odoo
        self.server = server
        self.python = venv.ODOO.python

    def command(self, *arguments):
        return [str(self.python), str(self.odoo.script), *map(str, arguments)]

    def environment(self, **more):
        search = [str(path) for path in (self.odoo.site, paths.EXTRA) if path]
        more["PYTHONPATH"] = os.pathsep.join(search)
        more.setdefault("ODOO_RC", paths.ODOO_RC)
        return self.server.environment(PYTHONUNBUFFERED=1, **more)


def prepare():
    """Set up whatever is missing. Takes seconds when all is there."""
    odoo = odoo_source.find()
    venv.ODOO.ensure()
    if odoo.site:
        icons = steps.digest(odoo.version, venv.ODOO.lock.read_text())
        mend = odoo_source.mend_icons
        steps.once("icons", icons, lambda: mend(venv.ODOO.site_packages))
    wkhtml.ensure()
    runtime = Runtime(odoo, postgres.connect())
    addon.link()
    write_configuration(odoo)
    return runtime


def write_configuration(odoo):
    """Only what no command line should have to repeat."""
    options = {
        "addons_path": ",".join(map(str, [*odoo.addons, paths.ADDONS])),
        "data_dir": paths.DATA,
        "http_interface": "127.0.0.1",
        "admin_passwd": "admin",
        "limit_time_real_cron": "600",
    }
    text = "[options]\n" + "".join(f"{k} = {v}\n" for k, v in options.items())
    if not paths.ODOO_RC.exists() or paths.ODOO_RC.read_text() != text:
        half = paths.ODOO_RC.with_suffix(f".{os.getpid()}")
        half.write_text(text)
        half.replace(paths.ODOO_RC)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ports():
    """Ports of its own for one Odoo, so that several run beside each other."""
    return ["--http-port", free_port(), "--gevent-port", free_port()]
