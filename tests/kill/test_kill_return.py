"""A return is killed at every step between its delivery and its credit note; the next
run of the crons ends with exactly one credit note."""

import os
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from odoo_shell import answer, run, start  # noqa: E402

PRELUDE = (HERE / "returns_script.py").read_text() + "\n"

# After what, in the order of the way.
POINTS = (
    "marketplace.message._insert_once:after",
    "marketplace.message._read:after",
    "marketplace.return._update_from_notices:after",
    "marketplace.return._update_from_notices:after+commit",
    "marketplace.return._step_match:after",
    "marketplace.return._step_match:after+commit",
    "stock.picking._create_goods_returns:after",
    "marketplace.return._step_return_goods:after+commit",
    "stock.picking._action_done:after",
    "account.move._create_credit_notes:before",
    "account.move._post:after",
    "account.move._create_credit_notes:after",
    "marketplace.return._note_credited:after",
    "marketplace.return._step_credit:after+commit",
)
CREDITED_ONCE = {
    "returns": 1,
    "state": "done",
    "missing": "",
    "pickings": ["done"],
    "credit notes": ["posted"],
    "credited": 100.0,
    "delivered": 1.0,
}

# Small batches, so that both have something to do.
BOTH = """
import functools, time
queue = type(env["marketplace.return"])._run_queue
type(env["marketplace.return"])._run_queue = functools.partialmethod(queue, size=3)
open(os.path.join(os.environ["MEETING_PLACE"], str(os.getpid())), "w").close()
while len(os.listdir(os.environ["MEETING_PLACE"])) < 2:
    time.sleep(0.01)
crons()
say(1)
"""
KILL = """
killed = {point: is_killed(point, lambda: all_the_way([number]))
          for number, point in POINTS.items()}
all_the_way(list(POINTS))
once = report()
all_the_way(list(POINTS))
say([killed, once, report()])
"""


POLL = """
currency = env.company.currency_id.name
os.environ["POLLED"] = " ".join(f"{number}:{currency}" for number in NUMBERS)
killed = [is_killed(point, poll) for point in POLL_POINTS]
poll()
kept = env["marketplace.message"].search_count([("event_key", "in", NUMBERS)])
account = env["marketplace.account"].search([("name", "=", "Kill")])
crons(), receive(), crons()
say([killed, kept, bool(account.last_poll), account.poll_cursor, report()])
"""
RANDOM = """
import random
chance = random.Random(SEED)


def work():
    deliver(chance.sample(NUMBERS, 4))
    crons()
    receive()
    crons()


for _round in range(ROUNDS):
    point = chance.choice(POINTS)
    chance = random.Random(chance.random())
    two_workers(point, work)
all_the_way(NUMBERS)
say(report())
"""
# AVOIR_SEED=N takes other ways.
SEED = int(os.environ.get("AVOIR_SEED", 20261122))


class TestKillReturn(unittest.TestCase):
    def test_poll_killed_between_pages(self):
        """The next one goes on behind the last page, and nothing is missed."""
        numbers = [f"P{number}" for number in range(3)]
        points = [
            "marketplace.message._store:after",
            "marketplace.message._store:after+commit",
        ]
        killed, kept, polled, cursor, result = run(
            PRELUDE
            + f"NUMBERS = {numbers}\nPOLL_POINTS = {points}\n"
            + "make_shop()\nsell(NUMBERS)\n"
            + POLL
        )
        self.assertEqual(killed, [True, True])
        self.assertEqual((kept, polled, cursor), (3, True, False))
        for number in numbers:
            self.assertEqual(result[number], CREDITED_ONCE, number)

    def test_two_workers_one_of_them_killed_anywhere(self):
        print(f"AVOIR_SEED={SEED}", flush=True)
        numbers = [f"R{number}" for number in range(8)]
        result = run(
            PRELUDE
            + f"NUMBERS, POINTS = {numbers}, {list(POINTS)}\n"
            + f"SEED, ROUNDS = {SEED}, 6\n"
            + "make_shop()\nsell(NUMBERS)\n"
            + RANDOM
        )
        for number in numbers:
            self.assertEqual(result[number], CREDITED_ONCE, (SEED, number))

    def test_killed_at_every_step(self):
        points = {f"K{number}": point for number, point in enumerate(POINTS)}
        killed, once, again = run(
            PRELUDE + f"make_shop()\nPOINTS = {points}\nsell(POINTS)\n" + KILL
        )
        self.assertEqual(killed, dict.fromkeys(POINTS, True))
        # The marketplace delivered again what had not been answered.
        for number, point in points.items():
            self.assertEqual(once[number], CREDITED_ONCE, point)
            self.assertEqual(again[number], CREDITED_ONCE, f"{point}, run once more")

    def test_two_at_once(self):
        numbers = [f"T{number}" for number in range(20)]
        given = PRELUDE + f"numbers = {numbers}\n"
        run(given + "make_shop()\nsell(numbers)\ndeliver(numbers)\nsay(1)\n")
        for step in ("pass", "receive()"):
            run(given + f"{step}\nsay(1)\n")
            with tempfile.TemporaryDirectory() as meeting_place:
                both = [
                    start(PRELUDE + BOTH, MEETING_PLACE=meeting_place) for _i in "ab"
                ]
                for process in both:
                    answer(process)
        result = run(PRELUDE + "crons()\nsay(report())\n")
        for number in numbers:
            self.assertEqual(result[number], CREDITED_ONCE, number)


if __name__ == "__main__":
    unittest.main()
