"""Fed to ``odoo shell``: credits one invoice whole, when both users are ready.

Each process has read the invoice, in a transaction of its own, before either writes.
"""

import json
import os
import time

from odoo.exceptions import UserError
from odoo.service.model import retrying

from odoo.addons.avoir.tools.credit import CreditRequest

env = env  # noqa: F821, PLW0127 -- given by the shell
invoice_id, name = int(os.environ["INVOICE_ID"]), os.environ["USER_NAME"]
folder = os.environ["MEETING_PLACE"]
attempts = []


def meet():
    """Wait until the other has read the invoice too."""
    with open(os.path.join(folder, name), "w"):
        pass
    deadline = time.monotonic() + 120
    while len(os.listdir(folder)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)


def credit():
    attempts.append(1)
    invoice = env["account.move"].browse(invoice_id)
    invoice.invoice_line_ids.mapped("creditable_quantity")
    if len(attempts) == 1:
        meet()
    credit_note = env["account.move"]._create_credit_notes([CreditRequest(invoice)])
    # Long enough for the other to run into the lock.
    time.sleep(2)
    return credit_note.name


try:
    answer = {"credited": retrying(credit, env)}
    env.cr.commit()
except UserError as error:
    env.cr.rollback()
    answer = {"refused": str(error)}
print("ANSWER", json.dumps({**answer, "attempts": len(attempts)}))
