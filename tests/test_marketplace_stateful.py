import logging
import os
from contextlib import suppress
from datetime import timedelta
from unittest.mock import patch

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from odoo.tests import tagged

from .marketplace_common import NOON, FakeShop, MarketplaceCommon

_logger = logging.getLogger(__name__)

# AVOIR_SEED=N takes other ways; AVOIR_EXAMPLES=500 goes more of them.
SEED = int(os.environ.get("AVOIR_SEED", 20261122))
EXAMPLES = int(os.environ.get("AVOIR_EXAMPLES", 8))
ORDERS = 3
# Where a process is killed: the model and the method after which it is gone.
POINTS = (
    ("marketplace.message", "_read"),
    ("marketplace.return", "_update_from_notices"),
    ("marketplace.return", "_step_match"),
    ("stock.picking", "_create_goods_returns"),
    ("marketplace.return", "_step_return_goods"),
    ("account.move", "_create_credit_notes"),
    ("marketplace.return", "_note_credited"),
)
NUMBERS = st.integers(0, ORDERS - 1)


class Killed(BaseException):
    """As a process that is gone: nothing of the addon catches it."""


class Deliveries(RuleBasedStateMachine):
    """What marketplaces, workers and warehouses do, in any order.

    Refund n is of n + 1 chairs of order n. Those of even orders belong to a return
    that was announced on its own. In the end each refund that was told has one credit
    note of its amount, and what comes back was received once.
    """

    test = None  # the test case, set by it

    def __init__(self):
        super().__init__()
        self.savepoint = self.test.env.cr.savepoint(flush=True)
        FakeShop.notices = {}
        self.refunded, self.returned, self.deliveries = set(), set(), 0

    def teardown(self):
        try:
            self.finish()
        finally:
            self.test.env.cr.postcommit.clear()
            self.savepoint.close(rollback=True)
            self.test.env.invalidate_all()

    # -- the marketplace -----------------------------------------------------------

    @rule(number=NUMBERS, again=st.booleans())
    def refund_by_webhook(self, number, again):
        """Told, and now and then told again with the same key."""
        for _time in range(1 + again):
            self.tell(f"refund {number}", self.refund(number))
        self.refunded.add(number)

    @rule(number=NUMBERS)
    def refund_by_poll(self, number):
        """The same refund, as a poll words it: under another key."""
        self.tell(f"poll {number} {self.count()}", self.refund(number))
        self.refunded.add(number)

    @rule(number=NUMBERS)
    def stale_retry(self, number):
        """What was true an hour before: the payment is under way, of less."""
        told = self.refund(number, state="pending", total=1, hours=-1)
        self.tell(f"stale {number} {self.count()}", told)

    @rule(number=NUMBERS)
    def return_announced(self, number):
        """In any order with its refund."""
        if number % 2 == 0:
            told = self.goods(number)
            self.tell(f"return {number}", told)
            self.returned.add(number)

    @rule(one=NUMBERS, other=NUMBERS)
    def two_in_one_message(self, one, other):
        told = [self.refund(number) for number in {one, other}]
        self.tell(f"both {self.count()}", *reversed(told))
        self.refunded |= {one, other}

    # -- the workers -----------------------------------------------------------------

    @rule()
    def read(self):
        self.test.cron("read")

    @rule()
    def process(self):
        self.test.cron("return")

    @rule(point=st.sampled_from(POINTS), cron=st.sampled_from(["read", "return"]))
    def killed(self, point, cron):
        """A worker is killed after one of its steps, before it has committed."""
        model, method = point
        cls = type(self.test.env[model])
        original = getattr(cls, method)

        def die(records, *args, **kwargs):
            original(records, *args, **kwargs)
            raise Killed()

        with patch.object(cls, method, die), suppress(Killed):
            self.test.cron(cron)
        self.test.env.invalidate_all()

    @rule(number=NUMBERS, quantity=st.integers(0, 2))
    def receive(self, number, quantity):
        """The warehouse receives some of it, or all (0)."""
        for picking in self.expected(number):
            open_moves = picking.move_ids
            most = min(open_moves.mapped("product_uom_qty"))
            self.test.receive(picking, min(quantity, most) or None)

    @rule()
    def read_again(self):
        """A person has messages read again that are done."""
        messages = self.messages().filtered(lambda message: message.state == "done")
        messages[:2].action_retry()

    # -- the end ---------------------------------------------------------------------

    def finish(self):
        for _round in range(4):
            self.messages().sudo().write({"next_try": False})
            self.test.cron("read", "return")
            for number in range(ORDERS):
                for picking in self.expected(number):
                    self.test.receive(picking)
        self.test.cron("return")
        self.test.env.invalidate_all()
        for number in range(ORDERS):
            self.check(number)

    def check(self, number):
        test, order = self.test, self.test.orders[number]
        credit_notes = order.invoice_ids.filtered(
            lambda move: move.move_type == "out_refund"
        )
        told = number in self.refunded
        refund = self.returns(f"refund:{number}")
        test.assertLessEqual(len(refund), 1)
        test.assertEqual(
            set(credit_notes.mapped("state")), {"posted"} if told else set()
        )
        test.assertAlmostEqual(
            sum(credit_notes.mapped("amount_total")), 120 * (number + 1) * told
        )
        came = told or number in self.returned
        moves = order.picking_ids.move_ids.filtered("origin_returned_move_id")
        test.assertLessEqual(set(moves.mapped("state")), {"done"})
        test.assertAlmostEqual(sum(moves.mapped("quantity")), (number + 1) * came)
        if told:
            test.assertState(refund, "done")
            test.assertEqual(len(refund.credit_note_ids), len(credit_notes))

    # -- words -------------------------------------------------------------------------

    def tell(self, key, *notices):
        self.test.message(*notices, key=key)

    def count(self):
        self.deliveries += 1
        return self.deliveries

    def line(self, number):
        return self.test.line("CHAIR", number + 1, 100 * (number + 1))

    def refund(self, number, state="refunded", total=None, hours=0):
        return self.test.notice(
            self.line(number),
            external_id=f"refund:{number}",
            return_external_id=f"return:{number}" if number % 2 == 0 else "",
            order_refs=(f"S{number}",),
            order_external_id=f"9{number}",
            state=state,
            total=total or 120 * (number + 1),
            occurred_at=NOON + timedelta(hours=hours),
        )

    def goods(self, number):
        return self.test.notice(
            self.test.line("CHAIR", number + 1),
            external_id=f"return:{number}",
            order_refs=(f"S{number}",),
            order_external_id=f"9{number}",
            kind="return",
            state="approved",
        )

    def messages(self):
        domain = [("account_id", "=", self.test.account.id)]
        return self.test.env["marketplace.message"].search(domain)

    def returns(self, external_id):
        return self.test.env["marketplace.return"].search(
            [("external_id", "=", external_id)]
        )

    def expected(self, number):
        return self.test.orders[number].picking_ids.filtered(
            lambda picking: picking.return_id and picking.state == "assigned"
        )


@tagged("post_install", "-at_install")
class TestMarketplaceStateful(MarketplaceCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.orders = [
            cls.sold(cls, (cls.chair, ORDERS, 100.0), ref=f"S{number}")
            for number in range(ORDERS)
        ]

    def test_whatever_happens_each_refund_is_booked_once(self):
        _logger.info("AVOIR_SEED=%s AVOIR_EXAMPLES=%s", SEED, EXAMPLES)
        profile = settings(
            max_examples=EXAMPLES,
            stateful_step_count=14,
            deadline=None,
            print_blob=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        Deliveries.test = self
        self.addCleanup(setattr, Deliveries, "test", None)
        try:
            run_state_machine_as_test(seed(SEED)(Deliveries), settings=profile)
        except Exception as error:
            error.add_note(f"AVOIR_SEED={SEED} AVOIR_EXAMPLES={EXAMPLES}")
            raise
