"""Returns of marketplaces a second, from the message to the reconciled credit note.

Each return is delivered as a message, read, matched, approved, received by the
warehouse, credited, posted and reconciled; every batch is committed. Beside it a loop
over Odoo's own wizards, on a copy of the database without avoir, for some of them. Then
as many returns by two workers at once, each account with a journal of its own.

Options: pair=N returns for two workers (default: as many), core=N for the wizards,
old=N older documents in the database.
"""

import gc
import json
import os
import resource
import sys
import time
import traceback

import _measure
import _shops
import psycopg2

from odoo import SUPERUSER_ID, Command, api, sql_db
from odoo.modules.registry import Registry

NEEDS_PLAIN = True
GOAL, GOAL_PAIR = 10, 1.8


def prepare(env, args):
    _shops.prepare(env, args)


def run(env, args):
    database = env.cr.dbname
    env.cr.rollback()
    pair, core = _shops.count_pair(args), _shops.count_core(args)
    print(f"Odoo's wizards, {core} returns", flush=True)
    wizards = in_processes(
        args.plain_database, [lambda env: by_wizards(env, args, core)]
    )
    print(f"avoir, one worker, {args.documents} returns", flush=True)
    one = work_off(database, core, args.documents, 1)
    two = None
    if pair:
        print(f"avoir, two workers, {pair} returns", flush=True)
        two = work_off(database, core + args.documents, pair, 2)
    report(args, core, wizards, one, pair, two)
    # The connection that Odoo's shell would close was closed for the other processes.
    sys.stdout.flush()
    os._exit(0)


def report(args, core, wizards, one, pair, two):
    print(
        f"\nFor each return; audit trail on, old {args.option.get('old', 0)}, "
        f"{_measure.load()}\n"
    )
    rows = [
        ("Odoo's wizards, one by one", core, wizards),
        ("avoir, 1 worker", args.documents, one),
    ]
    if two:
        rows.append(("avoir, 2 workers", pair, two))
    print(
        f"{'':28}{'n':>7}{'wall ms':>9}{'CPU ms':>9}{'a second':>10}{'MiB grown':>11}"
    )
    for name, count, took in rows:
        print(
            f"{name:28}{count:7}{took['wall'] / count * 1000:9.1f}"
            f"{took['cpu'] / count * 1000:9.1f}{count / took['wall']:10.1f}"
            f"{took['memory']:11.0f}"
        )
    for stage, seconds in one["stages"].items():
        print(f"  {stage:26}{seconds / args.documents * 1000:16.1f}")
    times = (wizards["cpu"] / core) / (one["cpu"] / args.documents)
    verdict = "reached" if times >= GOAL else "MISSED"
    print(f"{times:.1f} × Odoo's wizards by CPU time; goal {GOAL}: {verdict}")
    if two:
        times = (one["wall"] / args.documents) / (two["wall"] / pair)
        verdict = "reached" if times >= GOAL_PAIR else "MISSED"
        print(f"{times:.2f} × with two workers; goal {GOAL_PAIR}: {verdict}")


# -- avoir ---------------------------------------------------------------------------


def work_off(database, first, count, workers):
    """Deliver refunds and have workers work them off; what it took, and a check."""

    def deliver(env):
        _shops.deliver(env, first, count)
        return {}

    in_processes(database, [deliver])
    took = in_processes(
        database,
        [worker] * workers,
    )
    in_processes(database, [lambda env: check(env, first, count)])
    return took


def worker(env):
    """What the crons do, and a warehouse that receives what comes back to it."""
    stages = dict.fromkeys(("read", "match, goods", "received", "credited"), 0.0)
    while True:
        for stage, work in (
            ("read", env["marketplace.message"]._cron_read),
            ("match, goods", env["marketplace.return"]._cron_process),
            ("received", lambda: receive(env)),
            ("credited", env["marketplace.return"]._cron_process),
        ):
            start = time.perf_counter()
            retried(env, work)
            stages[stage] += time.perf_counter() - start
        if not env["marketplace.return"].search_count(
            [("is_open", "=", True), ("is_waiting", "=", False)], limit=1
        ) and not env["marketplace.message"].search_count([("state", "=", "new")]):
            return {"stages": stages}
        env.cr.commit()
        time.sleep(0.02)


def retried(env, work):
    """Do it again where another worker was in between, as Odoo does with requests."""
    for _try in range(20):
        try:
            work()
            env.cr.commit()
            return
        except psycopg2.OperationalError:
            env.cr.rollback()
        finally:
            env.invalidate_all()
    raise AssertionError("another worker was always in between")


def receive(env, size=100):
    """A warehouse receives what comes back, in batches, one of them at a time.

    The stock of all is taken out of one place, the customers: who finds another one
    at it does other work.
    """
    domain = [("return_id", "!=", False), ("state", "=", "assigned")]
    while True:
        env.cr.execute("SELECT pg_try_advisory_xact_lock(4711)")
        if not env.cr.fetchone()[0]:
            return
        pickings = env["stock.picking"].search(domain, limit=size, order="id")
        pickings.move_ids.picked = True
        pickings._action_done()
        env.cr.commit()
        env.invalidate_all()
        if not pickings:
            return


def check(env, first, count):
    """Each refund has one receipt and one credit note, of its amount, reconciled."""
    refs = [str(500000 + number) for number in range(first, first + count)]
    returns = env["marketplace.return"].search([("order_external_id", "in", refs)])
    wrong = [
        record
        for record in returns
        if record.state != "done"
        or len(record.picking_ids) != 1
        or record.picking_ids.state != "done"
        or len(record.credit_note_ids) != 1
        or record.credit_note_ids.state != "posted"
        or record.currency_id.compare_amounts(
            record.amount_credited, record.amount_total
        )
        or record.credit_note_ids.amount_residual
    ]
    if wrong or len(returns) != count:
        told = [(r.name, r.state, r.missing) for r in wrong[:5]]
        raise AssertionError(f"{len(returns)} of {count}, {len(wrong)} wrong: {told}")
    return {}


# -- Odoo's own wizards ----------------------------------------------------------------


def by_wizards(env, args, count):
    """What a person clicks, without the clicks: find, return, receive, credit, post."""
    for number in range(count):
        order = env["sale.order"].search(
            [("client_order_ref", "=", str(500000 + number))]
        )
        line = order.order_line[0]
        picking = order.picking_ids
        wizard = env["stock.return.picking"].create({"picking_id": picking.id})
        for row in wizard.product_return_moves:
            row.quantity = 1 if row.move_id.sale_line_id == line else 0
        back = env["stock.picking"].browse(wizard.action_create_returns()["res_id"])
        back.move_ids.picked = True
        back.button_validate()
        credit(line)
        env.cr.commit()
        env.invalidate_all()
    return {}


def credit(line):
    invoiced = line.invoice_lines
    invoice = invoiced.move_id
    wizard = (
        invoice.env["account.move.reversal"]
        .with_context(active_model="account.move", active_ids=invoice.ids)
        .create({"journal_id": invoice.journal_id.id})
    )
    wizard.refund_moves()
    credit_note = wizard.new_move_ids
    same = credit_note.invoice_line_ids.filtered(
        lambda some: some.product_id == line.product_id
    )[:1]
    credit_note.write(
        {
            "invoice_line_ids": [
                Command.update(same.id, {"quantity": 1}),
                *(
                    Command.delete(other.id)
                    for other in credit_note.invoice_line_ids - same
                ),
            ]
        }
    )
    credit_note.action_post()


# -- processes -----------------------------------------------------------------------


def in_processes(database, works):
    """Do works at once, each in a process of its own, with its own connections.

    :return: the wall time, the CPU time of all, what memory the largest one grew by
    """
    sql_db.close_all()
    start = time.perf_counter()
    children = [fork(database, work) for work in works]
    answers = []
    for child, pipe in children:
        with os.fdopen(pipe) as end:
            answers.append(json.loads(end.read() or "null"))
        os.waitpid(child, 0)
    if not all(answers):
        raise AssertionError("a process failed")
    return {
        "wall": max(answer["wall"] for answer in answers),
        "cpu": sum(answer["cpu"] for answer in answers),
        "memory": max(answer["memory"] for answer in answers),
        "all": time.perf_counter() - start,
        "stages": answers[0].get("stages", {}),
    }


def fork(database, work):
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)
    status = 1
    try:
        with Registry(database).cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            env["ir.model"].search_count([])
            gc.collect()
            before = resource.getrusage(resource.RUSAGE_SELF)
            wall = time.perf_counter()
            answer = work(env) or {}
            cr.commit()
            wall = time.perf_counter() - wall
            after = resource.getrusage(resource.RUSAGE_SELF)
            answer |= {
                "wall": wall,
                "cpu": (after.ru_utime + after.ru_stime)
                - (before.ru_utime + before.ru_stime),
                "memory": (after.ru_maxrss - before.ru_maxrss) / 1024,
            }
        with os.fdopen(writing, "w") as end:
            json.dump(answer, end)
        status = 0
    except BaseException:
        traceback.print_exc()
    os._exit(status)
