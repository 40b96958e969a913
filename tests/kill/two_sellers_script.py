"""Fed to ``odoo shell``: does one thing with an order, when both users are ready.

Each process has read the order, in a transaction of its own, before either writes.
"""

import json
import os
import time

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.service.model import retrying

from odoo.addons.avoir.tools.credit import CreditRequest

env = env  # noqa: F821, PLW0127 -- given by the shell
order_id, name = int(os.environ["ORDER_ID"]), os.environ["USER_NAME"]
what, folder = os.environ["WHAT"], os.environ["MEETING_PLACE"]
attempts = []


def meet():
    """Wait until the other has read the order too."""
    with open(os.path.join(folder, name), "w"):
        pass
    deadline = time.monotonic() + 120
    while len(os.listdir(folder)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)


def take(order):
    """Take 60 % down as a salesperson does: two of these are more than the order."""
    wizard = env["sale.advance.payment.inv"].create(
        {
            "sale_order_ids": [Command.set(order.ids)],
            "advance_payment_method": "percentage",
            "amount": 60,
        }
    )
    return wizard._create_invoices(order)


def invoice(order):
    """Invoice what is left: two of these would deduct the down payment twice."""
    return order._create_invoices(final=True)


def deduct_or_credit(order):
    """Anna deducts the down payment, Bob gives it back."""
    if name == "anna":
        moves = invoice(order)
        moves.action_post()
        return moves
    down_payment = order._get_down_payment_invoices()
    return env["account.move"]._create_credit_notes([CreditRequest(down_payment)])


WAYS = {"take": take, "invoice": invoice, "deduct or credit": deduct_or_credit}


def act():
    attempts.append(1)
    order = env["sale.order"].browse(order_id)
    order._get_down_payment_max()
    if len(attempts) == 1:
        meet()
    moves = WAYS[what](order)
    env.flush_all()
    # Long enough for the other to run into the lock.
    time.sleep(2)
    return moves.ids


try:
    answer = {"done": retrying(act, env)}
    env.cr.commit()
except UserError as error:
    env.cr.rollback()
    answer = {"refused": str(error)}
print("ANSWER", json.dumps({**answer, "attempts": len(attempts)}))
