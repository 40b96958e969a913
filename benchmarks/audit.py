"""What the audit journal adds to a bulk run: the same credit notes with and without.

Without: the journal notices nothing and writes nothing. All is undone each time, but
for what is remembered of the chains' ends after a commit, which is measured apart.
"""

import time
from contextlib import contextmanager
from statistics import median
from unittest.mock import patch

import _invoices
import _measure
from credit_notes import by_avoir

GOAL = 0.10


def prepare(env, args):
    _invoices.prepare(env, args)


def run(env, args):
    database = env.cr.dbname
    env.cr.rollback()
    part = bool(int(args.option.get("part", 0)))
    with_journal = _measure.Way("a  with the journal", database, told(args, part))
    without = _measure.Way("b  without", database, untold(args, part))
    print(f"{args.documents} invoices of {args.lines} lines, in turn:", flush=True)
    _measure.alternate([with_journal, without], args.rounds, _invoices.USER)
    print(
        f"\nFor each credit note ({'part' if part else 'full'}); n {args.documents}, "
        f"chunk {args.chunk}, rounds {args.rounds}, {_measure.load()}\n"
    )
    print(_measure.table([with_journal, without], [without]))
    for by in ("wall", "cpu"):
        # Round by round, as both run under the same load.
        shares = [
            one / other - 1
            for one, other in zip(
                getattr(with_journal, by), getattr(without, by), strict=True
            )
        ]
        share = median(shares)
        verdict = "reached" if share <= GOAL else "MISSED"
        print(f"the journal takes {share:+.1%} {by}; goal {GOAL:.0%}: {verdict}")
    print(f"remembering the ends after a commit: {remember(database):.1f} ms each")
    check(database, args, part)


def told(args, part):
    credit = by_avoir(args, part)

    def work(env):
        count = credit(env)
        env.cr.flush()
        entries = env["audit.entry"].sudo().search_count([])
        if entries < 2 * count:
            raise AssertionError(f"{entries} entries of {count} credit notes")
        return count

    return work


def untold(args, part):
    credit = by_avoir(args, part)

    def work(env):
        with silent(env):
            count = credit(env)
            env.cr.flush()
            return count

    return work


@contextmanager
def silent(env):
    mixin = env.registry["audit.mixin"]
    with patch.object(mixin, "_audit_is_off", lambda self: True):
        yield


def remember(database):
    """Return how many milliseconds a commit takes longer."""
    times = []
    with _measure.environment(database, _invoices.USER) as env:
        for number in range(20):
            start = time.perf_counter()
            env["audit.entry"]._store_ends(database, {-1: (number, "")})
            times.append(time.perf_counter() - start)
    with _measure.environment(database, _invoices.USER) as env:
        env.cr.execute("DELETE FROM audit_entry_end WHERE company_id = -1")
        env.cr.commit()
    return median(times) * 1000


def check(database, args, part):
    """Time the check of the chain that a run leaves."""
    with _measure.environment(database, _invoices.USER) as env:
        told(args, part)(env)
        start = time.perf_counter()
        states = env["audit.entry"]._check_chains()
        seconds = time.perf_counter() - start
        count = sum(state.count for state in states)
        sound = all(state.is_sound for state in states)
        print(f"checking {count} entries: {seconds * 1000:.0f} ms, sound: {sound}")
