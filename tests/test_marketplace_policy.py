from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .marketplace_common import MarketplaceCommon


@tagged("post_install", "-at_install")
class TestMarketplacePolicy(MarketplaceCommon):
    """What an account decides by itself, reasons, forgetting, credit notes undone."""

    def reasons(self):
        return self.env["marketplace.reason"].search(
            [("account_id", "=", self.account.id)]
        )

    # -- reasons ---------------------------------------------------------------

    def test_unknown_reason_adds_itself_once(self):
        self.account.approval = "manual"
        self.sold()
        record = self.told(
            self.notice(self.line(), external_id="refund:1", reason="Te  klein\n"),
            self.notice(external_id="refund:2", reason="te klein", total=1),
            self.notice(external_id="refund:3", total=1),
        )
        reason = self.reasons()
        self.assertEqual(reason.name, "Te klein")
        self.assertEqual(reason.return_count, 2)
        self.assertEqual(record.refund_reason_id, self.reason)
        self.assertEqual(self.account.reason_unknown_count, 1)

    def test_mapped_reason_is_taken_and_open_returns_follow(self):
        self.account.approval = "manual"
        self.sold()
        other, third = self.reason.copy({"code": "O"}), self.reason.copy({"code": "T"})
        one, two = self.told(
            self.notice(external_id="refund:1", reason="Kapot", total=1),
            self.notice(external_id="refund:2", reason="Kapot", total=1),
        ).sorted("external_id")
        two.with_user(self.service).refund_reason_id = third
        manager = self._new_user("manager", "avoir.group_refund_manager")
        self.reasons().with_user(manager).refund_reason_id = other
        self.assertEqual(one.refund_reason_id, other)
        self.assertEqual(two.refund_reason_id, third, "a person chose it")
        again = self.told(
            self.notice(external_id="refund:3", reason="KAPOT", total=1), key="e3"
        )
        self.assertEqual(again.refund_reason_id, other)
        self.assertFalse(self.account.reason_unknown_count)
        with self.assertRaises(AccessError):
            self.reasons().with_user(self.service).refund_reason_id = third

    def test_reason_of_a_line(self):
        self.told(self.notice(self.line(reason="Past niet")))
        self.assertEqual(self.reasons().name, "Past niet")

    def test_reason_told_later(self):
        self.account.approval = "manual"
        record = self.told(self.notice(total=1))
        self.assertFalse(record.marketplace_reason_id)
        self.told(
            self.notice(total=1, reason="Laat", occurred_at=self.later()), key="e2"
        )
        self.assertEqual(record.marketplace_reason_id.name, "Laat")

    # -- states ----------------------------------------------------------------

    def test_requested_waits_unless_the_account_says_otherwise(self):
        self.sold()
        values = {"kind": "return", "state": "requested"}
        record = self.told(
            self.notice(self.line(), external_id="return:1", **values), key="1"
        )
        self.assertState(record, "announced")
        self.account.accept_when = "requested"
        record = self.told(
            self.notice(self.line(), external_id="return:2", **values), key="2"
        )
        self.assertState(record, "waiting")

    # -- a credit note that is undone (BROKEN 4) -----------------------------------

    def credited(self):
        self.account.credit_when = "at_once"
        self.sold()
        record = self.told(
            self.notice(self.line("CHAIR", 2, 200), self.line("TABLE", 1, 50))
        )
        self.assertState(record, "done")
        return record

    def test_cancelled_credit_note(self):
        record = self.credited()
        first = record.credit_note_ids
        first.button_draft()
        self.assertState(record, "done")
        first.button_cancel()
        self.assertState(record, "received", "credit note was cancelled")
        self.assertEqual(record.line_ids.mapped("quantity_credited"), [0, 0])
        with self.assertRaisesRegex(UserError, "continue there"):
            first.button_draft()
        record.with_user(self.service).action_continue()
        self.assertState(record, "done")
        second = record.credit_note_ids - first
        self.assertEqual(second.amount_total, first.amount_total)

    def test_deleted_credit_note(self):
        self.account.post_credit_note = "draft"
        record = self.credited()
        record.credit_note_ids.unlink()
        self.assertState(record, "received", "credit note was cancelled")
        record.with_user(self.service).action_close()
        self.assertState(record, "done")

    def test_one_of_two_credit_notes_cancelled(self):
        """Received in two parts: only what the cancelled one credited is open."""
        self.sold()
        record = self.told(self.notice(self.line("CHAIR", 3, 300), total=360))
        picking = record.picking_ids
        self.receive(picking, 2)
        self.cron("return")
        first = record.credit_note_ids
        self.receive(record.picking_ids - picking)
        self.cron("return")
        first.button_draft()
        first.button_cancel()
        self.assertEqual(record.line_ids.quantity_credited, 1)
        record.action_continue()
        self.assertState(record, "done")
        alive = record.credit_note_ids.filtered(lambda move: move.state == "posted")
        self.assertEqual(sorted(alive.mapped("amount_total")), [120, 240])

    # -- an invoice that is not the order's (BROKEN 6) ------------------------------

    def test_invoice_of_another_order(self):
        order = self.sold(bill=False)
        other = self.sold(ref="#2002")
        record = self.told(self.notice(self.line("CHAIR", 1, 100), total=120))
        self.assertState(record, "unmatched", "there is nothing to credit yet")
        record.invoice_id = other.invoice_ids
        record.action_continue()
        self.assertState(record, "unmatched", "is not of the sales order")
        record.invoice_id = self._bill(order)
        record.action_continue()
        self.assertState(record, "waiting")

    # -- accounts ------------------------------------------------------------------

    def test_copied_account_waits_for_its_address(self):
        """BROKEN 9."""
        copy = self.account.copy()
        self.assertFalse(copy.active)
        self.assertIn("(copy)", copy.name)
        self.assertFalse(copy.base_url)
        with Form(copy) as form:
            form.base_url = "http://localhost:2"
        copy.active = True

    # -- forgetting ------------------------------------------------------------

    def test_contents_are_emptied_and_keys_stay(self):
        self.account.approval = "manual"
        self.sold()
        done = self.message(self.notice(total=1, state="declined"), key="done")
        goes_on = self.message(
            self.notice(total=1, external_id="refund:2"), key="goes on"
        )
        self.cron()
        old = fields.Datetime.now() - timedelta(days=91)
        (done | goes_on).sudo().finished = old
        self.cron("empty")
        done = done.sudo()
        self.assertTrue(done.is_emptied)
        self.assertFalse(done.body or done.headers)
        self.assertTrue(done.return_ids)
        self.assertTrue(goes_on.body, "its return goes on")
        self.assertFalse(self.message(key="done"), "still known")
        with self.assertRaisesRegex(UserError, "emptied"):
            done.action_retry()

    def test_contents_are_kept(self):
        self.account.keep_days = 0
        done = self.message(key="done")
        self.cron()
        done.sudo().finished = fields.Datetime.now() - timedelta(days=900)
        self.cron("empty")
        self.assertTrue(done.body)

    # -- overview ----------------------------------------------------------------

    def test_counts_by_state(self):
        self.account.approval = "manual"
        self.sold()
        self.told(
            self.notice(self.line(), external_id="refund:1"),
            self.notice(external_id="refund:2", order_refs=("?",), total=1),
        )
        self.assertRecordValues(
            self.account,
            [
                {
                    "return_approval_count": 1,
                    "return_unmatched_count": 1,
                    "return_waiting_count": 2,
                    "error_rate": 0,
                }
            ],
        )
        for name in ("to_approve", "unmatched", "goods", "to_credit", "waiting"):
            action = getattr(self.account, f"action_view_{name}")()
            self.assertEqual(action["res_model"], "marketplace.return")
