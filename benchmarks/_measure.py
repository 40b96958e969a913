"""Measuring ways of doing the same thing, in turn, each undone afterwards."""

import gc
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry


@dataclass
class Way:
    """One way of doing the work, and what it took for each document.

    ``database`` is where it runs; ``run`` is called with an environment of it and
    returns how many documents it made.
    """

    name: str
    database: str
    run: object
    wall: list = field(default_factory=list)
    cpu: list = field(default_factory=list)
    sql: list = field(default_factory=list)

    def measure(self, login):
        with environment(self.database, login) as env:
            gc.collect()
            statements = env.cr.sql_log_count
            cpu, wall = time.process_time(), time.perf_counter()
            count = self.run(env)
            env.flush_all()
            env.cr.flush()  # what waits for the commit: tracking
            self.wall.append((time.perf_counter() - wall) / count)
            self.cpu.append((time.process_time() - cpu) / count)
            self.sql.append((env.cr.sql_log_count - statements) / count)

    def forget(self):
        for measured in (self.wall, self.cpu, self.sql):
            measured.clear()

    def times_faster(self, other, by="wall"):
        return median(getattr(other, by)) / median(getattr(self, by))


@contextmanager
def environment(database, login):
    """Give an environment of ``login`` in ``database``, and undo all it did."""
    with Registry(database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        user = env["res.users"].search([("login", "=", login)])
        try:
            yield env(user=user, context={"lang": user.lang, "tz": user.tz})
        finally:
            cr.rollback()


def alternate(ways, rounds, login):
    """Measure all ``ways`` in turn ``rounds`` times, after once to get warm."""
    for number in range(rounds + 1):
        for way in ways:
            way.measure(login)
            if not number:
                way.forget()
        ways = ways[1:] + ways[:1]
        print(f"  round {number} of {rounds}" if number else "  warm", flush=True)


def table(ways, bases=()):
    """Return the results as text, with how many times faster than ``bases``."""
    heads = ["", "wall ms", "min", "CPU ms", "min", "SQL"]
    rows = [heads + [f"× {base.name[0]}" for base in bases]]
    for way in ways:
        row = [way.name]
        for seconds in (way.wall, way.cpu):
            row += [f"{median(seconds) * 1000:.1f}", f"{min(seconds) * 1000:.1f}"]
        row.append(f"{median(way.sql):.1f}")
        row += [f"{way.times_faster(base):.1f}" for base in bases]
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(align(row, widths)).rstrip() for row in rows)


def align(row, widths):
    first, *others = zip(row, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]


def load():
    """Return how busy the machine is: other work makes the times longer."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
