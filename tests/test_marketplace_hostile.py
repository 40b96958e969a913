from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, LockError, UserError
from odoo.tests import tagged

from ..connectors.notices import IncomingEvent
from .marketplace_common import MarketplaceCommon


@tagged("post_install", "-at_install")
class TestMarketplaceHostile(MarketplaceCommon):
    """What marketplaces, shops and people do that nobody expects."""

    def test_content_that_is_nested_too_deep(self):
        """It cannot be read, but it can be looked at."""
        body = b"[" * 100_000
        event = IncomingEvent(event_key="deep", topic="topic", readable=False)
        messages = self.env["marketplace.message"]
        ids = messages._insert_once(
            self.account.id, self.company.id, [(event, body, "")]
        )
        self.assertEqual(messages.browse(ids).body_text, body.decode())

    def test_a_secret_is_in_no_statement_that_meets_the_cron(self):
        """Odoo logs a refused statement with its values."""
        accounts = self.env.registry["marketplace.account"]
        locked = patch.object(accounts, "lock_for_update", side_effect=LockError("x"))
        with locked as lock:
            self.account.name = "Another name"
            lock.assert_not_called()
            with self.assertRaisesRegex(UserError, "Save once more"):
                self.account.webhook_secret = "S3CRET"
            with self.assertRaises(AccessError):
                self.account.with_user(self.service).webhook_secret = "S3CRET"
        self.env.invalidate_all()
        self.assertEqual(self.account.webhook_secret, "hush")

    def test_invoice_cancelled_meanwhile(self):
        order = self.sold()
        refund = self.told(self.notice(self.line(untaxed=100), total=120))
        self.assertState(refund, "waiting")
        order.invoice_ids.button_cancel()
        self.receive(refund.picking_ids)
        self.cron("return")
        self.assertState(refund, "received", f"Invoice the sales order {order.name}")
        self._bill(order)
        refund.action_continue()
        self.assertState(refund, "done")
        self.assertEqual(refund.credit_note_ids.amount_total, 120)

    def test_goods_refunded_in_full_after_a_price_correction(self):
        """A person is told that the shop paid back more than the invoice."""
        self.sold((self.chair, 3, 100.0))
        first = self.told(self.notice(self.line(quantity=0, untaxed=100), total=120))
        self.assertState(first, "done")
        line = self.line(quantity=3, untaxed=300, goods_expected=False)
        second = self.told(
            self.notice(line, total=360, external_id="refund:2"), key="event 2"
        )
        self.assertState(second, "received", "360.*would be.*240")
        second.action_credit_by_invoice()
        self.assertState(second, "done")
        self.assertEqual(second.credit_note_ids.amount_total, 240)

    def test_goods_refunded_for_the_rest_after_a_price_correction(self):
        self.sold((self.chair, 3, 100.0))
        self.told(self.notice(self.line(quantity=0, untaxed=100), total=120))
        line = self.line(quantity=3, untaxed=200, goods_expected=False)
        second = self.told(
            self.notice(line, total=240, external_id="refund:2"), key="event 2"
        )
        self.assertState(second, "done")
        self.assertEqual(second.credit_note_ids.amount_total, 240)

    def test_told_more_after_it_was_done(self):
        """What the marketplace tells then is looked at, and that is all."""
        self.sold()
        line = self.line(untaxed=100, goods_expected=False)
        for number, decide in enumerate(("action_continue", "action_close")):
            told = self.notice(line, total=120, external_id=f"refund:{number}")
            refund = self.told(told, key=f"event {number}")
            self.assertState(refund, "done")
            with self.assertRaisesRegex(UserError, "nothing to decide"):
                getattr(refund, decide)()
            later = self.replace(told, total=self.money(200), occurred_at=self.later())
            self.told(later, key=f"later {number}")
            self.assertState(refund, "done", "changed it after")
            self.assertTrue(refund.is_waiting)
            getattr(refund.with_user(self.service), decide)()
            self.assertState(refund, "done")
            self.assertEqual(refund.credit_note_ids.amount_total, 120)

    def test_withdrawn_after_it_was_done(self):
        self.sold()
        told = self.notice(self.line(untaxed=100, goods_expected=False), total=120)
        refund = self.told(told)
        at = self.later() + timedelta(hours=1)
        self.told(self.replace(told, state="cancelled", occurred_at=at), key="later")
        self.assertState(refund, "done", "withdrew")
        refund.action_close()
        self.assertState(refund, "done")

    def test_account_of_another_company(self):
        other = self.setup_other_company()["company"]
        self.account.company_id = self.company
        self.message(self.notice())
        with self.assertRaisesRegex(UserError, "archive it"):
            self.account.company_id = other

    def test_what_was_told_is_not_typed_over(self):
        """The form shows it read-only; the API has to keep to that too."""
        self.account.approval = "manual"
        self.sold()
        refund = self.told(self.notice(self.line(untaxed=100), total=120))
        mine = refund.with_user(self.service)
        for record, values in (
            (mine, {"state": "approved"}),
            (mine, {"amount_total": 9999}),
            (mine.line_ids, {"quantity_credited": 0}),
            (mine.line_ids, {"amount_total": 9999}),
        ):
            with self.assertRaises(AccessError):
                record.write(values)
        with self.assertRaises(AccessError):
            mine.line_ids.create({"return_id": refund.id, "amount_total": 9999})
        mine.refund_reason_id = self.reason
        mine.line_ids.quantity = 1
        mine.action_approve()
        self.assertNotEqual(refund.state, "matched")
