"""Fed to ``odoo shell`` before what a test asks for: a shop, its orders and returns.

A point of the way is ``model.method:before`` or ``:after``: the process kills itself
there, as a power cut would, when it first gets there; ``+commit`` waits for the next
commit.
"""

import json
import os
import signal
import sys
import traceback

from odoo import SUPERUSER_ID, api, fields, sql_db
from odoo.modules.registry import Registry

from odoo.addons.avoir.connectors.notices import IncomingEvent

sys.path.insert(0, os.environ["KILL_TESTS"])

import kill_shop  # noqa: E402

env = env  # noqa: F821, PLW0127 -- given by the shell
CODE = kill_shop.install()


def make_shop():
    if chair():
        return
    company = env.company
    if not company.chart_template:
        env["account.chart.template"].try_loading("generic_coa", company, False)
    env["marketplace.account"].create(
        {
            "name": "Kill",
            "code": CODE,
            "base_url": "http://localhost:1",
            "approval": "auto",
            "webhook_secret": kill_shop.SECRET,
        }
    )
    env["product.product"].create(
        {
            "name": "Chair",
            "default_code": kill_shop.SKU,
            "is_storable": True,
            "invoice_policy": "delivery",
            "taxes_id": [fields.Command.clear()],
        }
    )
    env.cr.commit()


def chair():
    return env["product.product"].search([("default_code", "=", kill_shop.SKU)])


def sell(numbers):
    """Orders of two chairs each, delivered and invoiced."""
    partner = env["res.partner"].create({"name": "Kill BV"})
    orders = env["sale.order"].create(
        [
            {
                "partner_id": partner.id,
                "client_order_ref": number,
                "order_line": [
                    fields.Command.create(
                        {
                            "product_id": chair().id,
                            "product_uom_qty": 2,
                            "price_unit": 100,
                            "tax_ids": [fields.Command.clear()],
                        }
                    )
                ],
            }
            for number in numbers
        ]
    )
    orders.action_confirm()
    for move in orders.picking_ids.move_ids:
        move.quantity = move.product_uom_qty
        move.picked = True
    orders.picking_ids._action_done()
    for order in orders:
        order._create_invoices()
    orders.invoice_ids.action_post()
    env.cr.commit()


def deliver(numbers):
    """What the webhook does; told again, it changes nothing."""
    account = env["marketplace.account"].search([("name", "=", "Kill")])
    env["marketplace.message"]._insert_once(
        account.id,
        account.company_id.id,
        [
            (
                IncomingEvent(event_key=number, topic=env.company.currency_id.name),
                number.encode(),
                "",
            )
            for number in numbers
        ],
    )
    env.cr.commit()


def crons():
    env["marketplace.message"]._cron_read()
    env["marketplace.return"]._cron_process()
    env.cr.commit()


def receive():
    returns = env["marketplace.return"].search([("state", "=", "waiting")])
    pickings = returns.picking_ids.filtered(lambda picking: picking.state == "assigned")
    for move in pickings.move_ids:
        move.quantity = move.product_uom_qty
        move.picked = True
    pickings._action_done()
    env.cr.commit()


def all_the_way(numbers):
    deliver(numbers)
    crons()
    receive()
    crons()


def report():
    """What became of each order's return."""
    result = {}
    orders = env["sale.order"].search([("client_order_ref", "!=", False)])
    for order in orders:
        returns = env["marketplace.return"].search([("sale_order_id", "=", order.id)])
        back = order.picking_ids.filtered("return_id")
        credit_notes = order.invoice_ids.filtered(
            lambda move: move.move_type == "out_refund"
        )
        result[order.client_order_ref] = {
            "returns": len(returns),
            "state": ", ".join(returns.mapped("state")),
            "missing": ", ".join(filter(None, returns.mapped("missing"))),
            "pickings": back.mapped("state"),
            "credit notes": credit_notes.mapped("state"),
            "credited": sum(credit_notes.mapped("amount_total")),
            "delivered": sum(order.order_line.mapped("qty_delivered")),
        }
    return result


# -- the kill --------------------------------------------------------------------


def arm(point):
    point, _, at_commit = point.partition("+")
    name, _, moment = point.partition(":")
    model, _, method = name.rpartition(".")
    armed = []

    def die(*_args):
        if armed or not at_commit:
            os.kill(os.getpid(), signal.SIGKILL)
        armed.append(1)

    patch(model, method, moment, die)
    if at_commit:
        patch("ir.cron", "_commit_progress", "after", lambda: armed and die())


def patch(model, method, moment, call):
    cls = type(env[model])
    original = getattr(cls, method)

    def patched(self, *args, **kwargs):
        if moment == "before":
            call()
        result = original(self, *args, **kwargs)
        if moment == "after":
            call()
        return result

    setattr(cls, method, patched)


def poll():
    """What the cron does, whether its time has come or not."""
    account = env["marketplace.account"].search([("name", "=", "Kill")])
    account.next_poll = fields.Datetime.now()
    env.cr.commit()
    env["marketplace.account"]._cron_poll()
    env.cr.commit()


def two_workers(point, work):
    """Two processes do the work at once, and one of them is killed at this point."""
    close()
    children = []
    for armed in (True, False):
        child = os.fork()
        if not child:
            try:
                connect()
                if armed:
                    arm(point)
                work()
            except BaseException:
                # They may be in each other's way: the next run takes it again.
                traceback.print_exc()
            os._exit(1)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    connect()


def is_killed(point, work):
    """Whether a process of its own, forked here, was killed at this point of its work.

    Forked, as starting Odoo anew for each point takes several seconds; no connection
    to the database is shared.
    """
    close()
    child = os.fork()
    if not child:
        try:
            connect()
            arm(point)
            work()
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    _pid, status = os.waitpid(child, 0)
    connect()
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def close():
    env.cr.commit()
    env.cr.close()
    sql_db.close_all()


def connect():
    global env
    cr = Registry(os.environ["AVOIR_TEST_DB"]).cursor()
    env = api.Environment(cr, SUPERUSER_ID, {})


def say(said):
    """Answer, and end here: the shell's own connection may be closed by now."""
    env.cr.commit()
    print("ANSWER", json.dumps(said), flush=True)
    os._exit(0)
