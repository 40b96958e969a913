from odoo.tests import tagged

from .marketplace_common import MarketplaceCommon


@tagged("post_install", "-at_install")
class TestMarketplaceReturnChanges(MarketplaceCommon):
    """What the marketplace tells later: the refund of a return, other states, less."""

    # -- return and refund -----------------------------------------------------

    def _return_and_refund(self):
        goods = self.notice(
            self.line("CHAIR", 2),
            external_id="return:9",
            kind="return",
            state="approved",
        )
        money = self.notice(
            self.line("CHAIR", 2, 200, goods_expected=False),
            total=240,
            return_external_id="return:9",
        )
        return goods, money

    def test_refund_of_a_return(self):
        """One transfer for both; the money follows its receipt."""
        self.sold()
        goods, money = self._return_and_refund()
        parent = self.told(goods)
        self.assertState(parent, "waiting")
        refund = self.told(money, key="event 2")
        self.assertEqual(refund.parent_id, parent)
        self.assertState(refund, "waiting")
        self.assertFalse(refund.picking_ids)
        self.receive(parent.picking_ids)
        self.assertState(parent, "done")
        self.cron("return")
        self.assertState(refund, "done")
        self.assertEqual(refund.credit_note_ids.amount_total, 240)
        self.assertEqual(refund.credit_note_ids.return_picking_ids, parent.picking_ids)

    def test_refund_told_before_its_return(self):
        self.sold()
        goods, money = self._return_and_refund()
        line = self.replace(money.lines[0], goods_expected=True)
        refund = self.told(self.replace(money, lines=(line,)))
        self.assertState(refund, "waiting")
        parent = self.told(goods, key="event 2")
        self.assertEqual(refund.parent_id, parent)
        self.assertEqual(refund.picking_ids.move_ids.product_uom_qty, 2)
        self.assertFalse(parent.picking_ids)
        self.receive(refund.picking_ids)
        self.cron("return")
        self.assertState(refund, "done")
        self.assertState(parent, "done")
        self.assertEqual(refund.credit_note_ids.amount_total, 240)

    def test_refund_of_a_return_that_is_declined(self):
        self.sold()
        goods, money = self._return_and_refund()
        self.account.approval = "manual"
        records = self.told(goods, money)
        refund = records.filtered(lambda r: r.kind == "refund")
        refund.with_user(self.service).action_approve()
        self.assertState(refund, "waiting")
        refund.parent_id.with_user(self.service).action_decline()
        self.assertState(refund, "received")
        self.cron("return")
        self.assertState(refund, "done")

    # -- the marketplace changes its mind --------------------------------------

    def test_requested_approved_refunded(self):
        self.sold()
        goods, _money = self._return_and_refund()
        record = self.told(self.replace(goods, state="requested"))
        self.assertState(record, "announced")
        self.assertEqual(self.told(goods, key="event 2"), record)
        self.assertState(record, "waiting")
        self.told(self.replace(goods, state="requested"), key="stale")
        self.assertState(record, "waiting")
        self.assertEqual(record.marketplace_state, "approved")

    def test_pending_payment(self):
        self.sold()
        notice = self.notice(
            self.line("CHAIR", 1, 100, goods_expected=False), total=120
        )
        record = self.told(self.replace(notice, state="pending"))
        self.assertState(record, "announced")
        self.told(notice, key="event 2")
        self.assertState(record, "done")

    def test_withdrawn_before_the_goods_came(self):
        notice = self._three_chairs()
        record = self.told(notice)
        picking = record.picking_ids
        self.told(self.replace(notice, state="cancelled"), key="event 2")
        self.assertState(record, "cancelled")
        self.assertEqual(picking.state, "cancel")
        self.told(notice, key="stale")
        self.assertState(record, "cancelled")

    def test_withdrawn_after_the_credit(self):
        self.account.credit_when = "at_once"
        notice = self._three_chairs()
        record = self.told(notice)
        self.told(self.replace(notice, state="cancelled"), key="event 2")
        self.assertState(record, "done", "withdrew")
        self.assertTrue(record.is_waiting)
        record.with_user(self.service).action_continue()
        self.assertState(record, "done")
        self.assertEqual(len(record.credit_note_ids), 1)

    def test_changed_after_approval(self):
        notice = self._three_chairs()
        record = self.told(notice)
        self.told(
            self.notice(
                self.line("CHAIR", 3, 290), total=348, occurred_at=self.later()
            ),
            key="event 2",
        )
        self.assertState(record, "waiting", "changed")

    def test_changed_before_approval(self):
        self.account.approval = "manual"
        notice = self._three_chairs()
        record = self.told(notice)
        self.assertState(record, "matched", "Approve")
        self.told(
            self.notice(
                self.line("CHAIR", 2, 200), total=240, occurred_at=self.later()
            ),
            key="event 2",
        )
        self.assertState(record, "matched", "Approve")
        self.assertRecordValues(record.line_ids, [{"quantity": 2}])
        self.assertEqual(record.amount_total, 240)

    def test_order_deleted(self):
        self.sold()
        goods, money = self._return_and_refund()
        requested = self.told(self.replace(goods, state="requested"))
        refund = self.told(self.notice(total=12), key="event 2")
        deleted = self.notice(
            external_id="order:9001", kind="order", state="cancelled", order_refs=()
        )
        message = self.message(deleted, key="deleted")
        self.cron()
        self.assertEqual(message.state, "done")
        self.assertState(requested, "cancelled")
        self.assertState(refund, "done")
