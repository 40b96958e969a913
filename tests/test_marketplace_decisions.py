from odoo.exceptions import UserError
from odoo.tests import tagged

from .marketplace_common import MarketplaceCommon


@tagged("post_install", "-at_install")
class TestMarketplaceDecisions(MarketplaceCommon):
    """What a person decides on a return, and what makes it wait for one."""

    def test_announced_and_computed_differ(self):
        self.sold()
        record = self.told(
            self.notice(self.line("CHAIR", 1, 110, goods_expected=False), total=132)
        )
        self.assertState(record, "received", "132.00.*120.00")
        self.assertEqual(record.amount_total, 132)
        self.assertEqual(record.amount_computed, 120)
        self.assertFalse(record.credit_note_ids)
        self.assertEqual(record.activity_ids.user_id, self.service)
        record.with_user(self.service).action_credit_announced()
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.amount_total, 132)

    def test_announced_and_computed_differ_by_the_invoice(self):
        self.sold()
        record = self.told(
            self.notice(self.line("CHAIR", 1, 110, goods_expected=False), total=132)
        )
        record.with_user(self.service).action_credit_by_invoice()
        self.assertState(record, "done")
        self.assertEqual(record.credit_note_ids.amount_total, 120)

    def test_no_money(self):
        """Restocked, and nothing paid back: nothing is booked by itself."""
        self.sold()
        record = self.told(
            self.notice(self.line("CHAIR", 1, 100, goods_expected=False), total=0)
        )
        self.assertState(record, "received", "0.00.*120.00")

    def test_announced_does_not_add_up(self):
        self.sold()
        record = self.told(
            self.notice(self.line("CHAIR", 1, 100, goods_expected=False), total=90)
        )
        self.assertState(record, "received", "90.00.*120.00")

    def test_more_than_is_left(self):
        """Refunded twice at the marketplace: never more than was invoiced."""
        self.sold((self.chair, 1, 100.0))
        line = self.line("CHAIR", 1, 100, goods_expected=False)
        first = self.told(self.notice(line, total=120))
        self.assertState(first, "done")
        second = self.told(
            self.notice(line, total=120, external_id="refund:2"), key="event 2"
        )
        self.assertState(second, "received", "Chair.*cannot be credited")
        self.assertFalse(second.credit_note_ids)

    # -- approval --------------------------------------------------------------

    def test_approved_by_hand(self):
        self.account.approval = "manual"
        record = self.told(self._three_chairs())
        self.assertState(record, "matched", "Approve or decline")
        self.assertEqual(record.activity_ids.user_id, self.service)
        record.with_user(self.service).action_approve()
        self.assertState(record, "waiting")
        self.assertFalse(record.activity_ids)

    def test_approved_up_to_a_limit(self):
        self.account.approval_limit = 359.99
        record = self.told(self._three_chairs())
        self.assertState(record, "matched", "above")
        self.account.approval_limit = 360
        self.sold(ref="#2")
        other = self.told(
            self.notice(
                self.line("CHAIR", 3, 300),
                total=360,
                external_id="refund:2",
                order_refs=("#2",),
            ),
            key="event 2",
        )
        self.assertState(other, "waiting")

    def test_declined(self):
        self.account.approval = "manual"
        record = self.told(self._three_chairs())
        record.with_user(self.service).action_decline()
        self.assertState(record, "declined")
        with self.assertRaisesRegex(UserError, "nothing to decide"):
            record.with_user(self.service).action_approve()

    def test_declined_by_mistake(self):
        self.account.approval = "manual"
        record = self.told(self._three_chairs())
        record = record.with_user(self.service)
        with self.assertRaisesRegex(UserError, "nothing to decide"):
            record.action_reopen()
        record.action_decline()
        record.action_reopen()
        self.assertEqual(record.state, "matched")
        record.action_decline()
        record.sudo().marketplace_state = "cancelled"
        with self.assertRaisesRegex(UserError, "at the marketplace"):
            record.action_reopen()

    def test_no_way_back(self):
        record = self.told(self._three_chairs())
        with self.assertRaisesRegex(UserError, "cannot become"):
            record._set_state("new")

    def test_titles(self):
        """A refund and a return of the same number are told apart."""
        self.sold()
        refund = self.told(self.notice(external_id="refund:5001", total=60))
        self.assertEqual(refund.name, "#1001 · 5001")
        self.assertEqual(refund.display_name, "Refund #1001 · 5001")
        self.assertEqual(refund.search([("name", "ilike", "5001")]), refund)
