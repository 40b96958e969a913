"""Fed to ``odoo shell``: sends a run by a click, or as the worker in the background.

``hang`` stops when its first batch is delivered and not committed, to be killed there.
"""

import json
import os
import time

from odoo.exceptions import UserError
from odoo.service.model import retrying

from odoo.addons.avoir.models import account_reminder_send

env = env  # noqa: F821, PLW0127 -- given by the shell
what, name = os.environ["WHAT"], os.environ["USER_NAME"]
folder = os.environ["MEETING_PLACE"]
reminder_run = env["account.reminder.run"].browse(int(os.environ["RUN_ID"]))
letters = env["account.reminder.letter"]
attempts = []
# Several batches of few letters.
account_reminder_send.BATCH = 4


def mark(text):
    with open(os.path.join(folder, text), "w"):
        pass


def meet():
    """Wait until the other has read the run too."""
    mark(name)
    deadline = time.monotonic() + 120
    while len(os.listdir(folder)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)


def click():
    attempts.append(1)
    reminder_run.read(["state"])
    if len(attempts) == 1:
        meet()
    reminder_run.action_send()


def hang():
    """Queue all, commit, and stop with the first batch delivered."""
    reminder_run.action_send()
    env.cr.commit()
    batch = letters._claim(4)
    batch._send_isolated()
    env.flush_all()
    mark("delivered")
    time.sleep(300)


if what == "hang":
    hang()
elif what == "work":
    meet()
    letters._cron_send()
    env.cr.commit()
    answer = {"result": "worked"}
else:
    try:
        retrying(click, env)
        env.cr.commit()
        answer = {"result": "sent"}
    except UserError as error:
        env.cr.rollback()
        answer = {"result": "refused", "text": str(error)}
print("ANSWER", json.dumps(answer))
