from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .down_payment_common import DownPaymentCommon

SEND_REFUND = (
    "odoo.addons.payment.models.payment_transaction.PaymentTransaction"
    "._send_refund_request"
)


@tagged("post_install", "-at_install")
class TestPaymentRefund(DownPaymentCommon):
    """Money of a cancelled order, back by the provider that took it (case 32)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.method = cls.env.ref("payment.payment_method_unknown")
        cls.provider = cls.env["payment.provider"].create(
            {
                "name": "Card",
                "code": "none",
                "state": "test",
                "company_id": cls.company.id,
                "payment_method_ids": [Command.set(cls.method.ids)],
            }
        )
        cls._create_dummy_payment_method_for_provider(
            cls.provider, cls.company_data["default_journal_bank"]
        )
        cls.method.write({"active": True, "support_refund": "partial"})
        cls.refunds = "partial"
        cls.classPatch(
            cls.env.registry["payment.provider"],
            "_compute_feature_support_fields",
            lambda providers: providers.update({"support_refund": cls.refunds}),
        )

    def _pay_online(self, amount, **values):
        """Have the customer pay, up to the confirmation of the provider."""
        transaction = self.env["payment.transaction"].create(
            {
                "provider_id": self.provider.id,
                "payment_method_id": self.method.id,
                "reference": f"Card {len(self.provider.search([]))} {amount} {values}",
                "amount": amount,
                "currency_id": self.company.currency_id.id,
                "partner_id": self.partner.id,
                "operation": "online_direct",
                **values,
            }
        )
        self._confirm(transaction)
        return transaction

    def _confirm(self, transaction):
        transaction._set_done()
        transaction._post_process()

    def _paid_down_payment(self, percent=30):
        order = self._order((self.ordered, 10))
        down = self._take(order, percent)
        transaction = self._pay_online(
            down.amount_total,
            invoice_ids=[Command.set(down.ids)],
            currency_id=down.currency_id.id,
        )
        self.assertIn(down.payment_state, ("paid", "in_payment"))
        return order, transaction

    def _cancel(self, order):
        before = order.invoice_ids
        action = order.action_open_cancel()
        wizards = self.env["sale.order.cancel"].with_context(**action["context"])
        wizards.create({}).action_cancel_order()
        order.invalidate_recordset()
        return order.invoice_ids - before

    @contextmanager
    def _answer(self, answer):
        """Have the provider ``answer`` to refunds: a method of transactions."""
        with patch(SEND_REFUND, autospec=True, side_effect=answer) as sent:
            yield sent

    def _refund(self, credit_note, user=None):
        return credit_note.with_user(user or self.accountant).action_refund_online()

    def test_to_its_confirmation(self):
        """Paid by card, cancelled, credited, refunded, confirmed: all is at zero."""
        order, transaction = self._paid_down_payment()
        credit_note = self._cancel(order)
        self.assertEqual(credit_note.online_refundable, 360)
        alert = credit_note._get_alerts()["avoir_owed_back"]["message"]
        self.assertIn("Refund the Payment", alert)
        with self._answer(lambda tx: tx._set_done()) as sent:
            action = self._refund(credit_note)
        self.assertEqual(action["params"]["type"], "success")
        refund = transaction.child_transaction_ids
        sent.assert_called_once_with(refund)
        self.assertEqual((refund.amount, refund.state), (-360, "done"))
        self.assertEqual(refund.invoice_ids, credit_note)
        # What core's cron does as soon as the provider has confirmed.
        refund._post_process()
        payment = refund.payment_id
        self.assertEqual((payment.payment_type, payment.amount), ("outbound", 360))
        self.assertEqual(payment.source_payment_id, transaction.payment_id)
        self.assertIn(credit_note.payment_state, ("paid", "in_payment"))
        self.assertEqual(credit_note.amount_residual, 0)
        self.env.invalidate_all()
        self.assertEqual(transaction.payment_id.amount_available_for_refund, 0)
        self.assertEqual(self._balance(), 0)
        self.assertFalse(order.paid_online_left)
        self.assertFalse(order.uncredited_invoice_ids)
        self.assertNotIn("avoir_owed_back", credit_note._get_alerts())
        with self.assertRefused("nothing is owed any more"):
            self._refund(credit_note)

    def test_waits_for_the_provider(self):
        """Asked and not confirmed: neither asked again nor paid by hand as well."""
        order, transaction = self._paid_down_payment()
        credit_note = self._cancel(order)
        with self._answer(lambda tx: tx._set_pending()):
            self._refund(credit_note)
        self.assertEqual(credit_note.online_refundable, 0)
        self.assertIn("avoir_refund_under_way", credit_note._get_alerts())
        with self.assertRefused("nothing is owed any more"):
            self._refund(credit_note)
        with self.assertRefused("would be paid twice"):
            self._pay(credit_note)
        self._confirm(transaction.child_transaction_ids)
        self.assertEqual(credit_note.amount_residual, 0)

    def _pay(self, moves, **values):
        registers = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=moves.ids
        )
        return registers.create(values)._create_payments()

    def test_never_heard_of_again(self):
        """A refund that is lost on its way does not keep the money for ever."""
        order, transaction = self._paid_down_payment()
        credit_note = self._cancel(order)
        self._refund(credit_note)
        refund = transaction.child_transaction_ids
        self.assertEqual(refund.state, "draft")
        refund.last_state_change = fields.Datetime.now() - timedelta(days=5)
        credit_note.invalidate_recordset()
        self.assertEqual(credit_note.online_refundable, 360)
        self._pay(credit_note)
        self.assertEqual(credit_note.amount_residual, 0)

    def test_provider_refuses(self):
        """The user is told why, nothing is booked, and it can be tried again."""
        order, transaction = self._paid_down_payment()
        credit_note = self._cancel(order)

        expired = "The card has expired."

        def refuse(_transaction):
            raise ValidationError(expired)

        with self._answer(refuse):
            action = self._refund(credit_note)
        self.assertEqual(action["params"]["type"], "danger")
        self.assertIn(expired, action["params"]["message"])
        self.assertEqual(transaction.child_transaction_ids.state, "error")
        self.assertFalse(transaction.child_transaction_ids.payment_id)
        credit_note.invalidate_recordset()
        self.assertEqual(credit_note.online_refundable, 360)

    def test_part_refund(self):
        """Part of the down payment is credited: no more than that goes back."""
        order, transaction = self._paid_down_payment()
        down = order.invoice_ids
        part = self._give_back(down, amount=100)
        rest = self._cancel(order)
        self.assertEqual((part + rest).mapped("online_refundable"), [120, 240])
        for move in part + rest:
            with self._answer(lambda tx: tx._set_done()):
                self._refund(move)
            move.transaction_ids._post_process()
        refunds = transaction.child_transaction_ids
        self.assertEqual(sorted(refunds.mapped("amount")), [-240, -120])
        self.assertEqual((part + rest).mapped("amount_residual"), [0, 0])

    def test_in_full_only(self):
        """A provider that takes no part refunds is not asked for one."""
        order, _transaction = self._paid_down_payment()
        self.patch(type(self), "refunds", "full_only")
        part = self._give_back(order.invoice_ids, amount=100)
        self.assertFalse(part.online_refundable)
        with self.assertRefused("Press Pay"):
            self._refund(part)

    def test_in_another_currency(self):
        euros = self.setup_other_currency("EUR", rates=[("2026-01-01", 1.25)])
        self.provider.available_currency_ids = False
        order = self._order((self.ordered, 10))
        order.currency_id = euros
        down = self._take(order, 30)
        transaction = self._pay_online(
            360, invoice_ids=[Command.set(down.ids)], currency_id=euros.id
        )
        credit_note = self._cancel(order)
        self.assertEqual(credit_note.online_refundable, 360)
        with self._answer(lambda tx: tx._set_done()):
            self._refund(credit_note)
        refund = transaction.child_transaction_ids
        self.assertEqual(refund.currency_id, euros)
        refund._post_process()
        self.assertEqual(credit_note.amount_residual, 0)
        self.assertEqual(self._balance(), 0)

    def test_only_accountants(self):
        order, transaction = self._paid_down_payment()
        credit_note = self._cancel(order)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            self._refund(credit_note, self.salesman)
        other = self.env["res.company"].create({"name": "Other"})
        stranger = self.accountant.copy(
            {
                "login": "dp_stranger",
                "company_id": other.id,
                "company_ids": [Command.set(other.ids)],
            }
        )
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            self._refund(credit_note, stranger)
        self.assertFalse(transaction.child_transaction_ids)
        self.salesman.group_ids += self.env.ref("sales_team.group_sale_manager")
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._pay(credit_note, amount=400)

    # -- paid online, and no invoice was made of it ------------------------------------

    def test_paid_and_never_invoiced(self):
        """Cancelling tells of the money that came in and is on no invoice."""
        order = self._order((self.ordered, 10))
        transaction = self._pay_online(360, sale_order_ids=[Command.set(order.ids)])
        self.assertEqual(order.paid_online_left, 360)
        order.with_user(self.salesman).action_open_cancel()
        self.assertEqual(order.state, "cancel")
        self.assertEqual(order.with_user(self.salesman).paid_online_left, 360)
        self.assertIn("360.00", order.message_ids.filtered("body")[0].body)
        self.assertIn("paid online", order.activity_ids.summary)
        # Core's own button on the payment
        with self._answer(lambda tx: tx._set_done()):
            transaction.action_refund(amount_to_refund=360)
        transaction.child_transaction_ids._post_process()
        order.invalidate_recordset()
        self.assertEqual(order.paid_online_left, 0)

    def test_paid_before_it_was_invoiced(self):
        """The payment of the order is found, though it names no invoice."""
        order = self._order((self.ordered, 10))
        transaction = self._pay_online(360, sale_order_ids=[Command.set(order.ids)])
        self._take(order, 30)
        credit_note = self._cancel(order)
        self.assertEqual(order.paid_online_left, 0)
        self.assertFalse(order.activity_ids)
        self.assertEqual(credit_note.online_refundable, 360)
        with self._answer(lambda tx: tx._set_done()):
            self._refund(credit_note)
        transaction.child_transaction_ids._post_process()
        self.assertEqual(credit_note.amount_residual, 0)

    def test_nothing_chosen(self):
        with self.assertRaises(UserError):
            self.env["account.move"].with_user(self.accountant).action_refund_online()
