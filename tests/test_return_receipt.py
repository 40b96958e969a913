from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .return_common import AvoirReturnCommon


@tagged("post_install", "-at_install")
class TestReturnReceipt(AvoirReturnCommon):
    """What the warehouse says of goods that come back, and what follows from it."""

    # -- the wizard ---------------------------------------------------------------

    def test_the_wizard_says_how_much_is_left(self):
        order = self.sold()
        self.receive(self.announce(order, 2))
        wizard = Form(
            self.env["stock.return.picking"].with_context(
                active_id=order.picking_ids.sorted("id")[0].id,
                active_model="stock.picking",
            )
        )
        self.assertEqual(
            wizard.refund_reason_id, self.env.ref("avoir.refund_reason_return")
        )
        wizard.fill = "all"
        with wizard.product_return_moves.edit(0) as line:
            self.assertEqual(line.returnable_quantity, 3)
            self.assertEqual(line.quantity, 3)
        wizard.refund_reason_id = self.reason
        wizard.expected_date = date = fields.Datetime.now() + timedelta(days=4)
        action = wizard.save().action_create_returns()
        back = self.env["stock.picking"].browse(action["res_id"])
        self.assertRecordValues(
            back,
            [
                {
                    "refund_reason_id": self.reason.id,
                    "scheduled_date": date,
                    "return_kind": "customer",
                    "return_state": "expected",
                }
            ],
        )
        self.assertEqual(back.move_ids.return_announced_qty, 3)

    def test_everything_that_is_left_in_one_click(self):
        order = self.sold()
        self.announce(order, 2)  # not received yet: core would ask for it once more
        picking = order.picking_ids.sorted("id")[0]
        wizard = self.env["stock.return.picking"].create({"picking_id": picking.id})
        action = wizard.action_create_returns_all()
        back = self.env["stock.picking"].browse(action["res_id"])
        self.assertEqual(back.move_ids.product_uom_qty, 3)
        wizard = self.env["stock.return.picking"].create({"picking_id": picking.id})
        with self.assertRaisesRegex(UserError, "Nothing of .* can come back any more"):
            wizard.action_create_returns_all()

    def test_the_wizard_refuses(self):
        order = self.sold()
        with self.assertRaisesRegex(UserError, "no more than 5 .* and 6 are asked for"):
            self.announce(order, 6)
        with self.assertRaisesRegex(UserError, "below zero"):
            self.announce(order, -1)
        self.reason.active = False
        with self.assertRaisesRegex(UserError, "archived"):
            self.announce(order, 1, refund_reason_id=self.reason)

    # -- policies -----------------------------------------------------------------

    def test_policies(self):
        for policy, states, then in (
            ("none", [], "to_credit"),
            ("draft", ["draft"], "draft"),
            ("approve", ["draft"], "draft"),
            ("post", ["posted"], "credited"),
        ):
            with self.subTest(policy):
                self.company.return_credit_policy = policy
                order = self.sold()
                back = self.receive(self.announce(order, 2))
                notes = self.credit_notes(order)
                self.assertEqual(notes.mapped("state"), states)
                self.assertEqual(back.return_state, then)
                if policy == "approve":
                    self.assertEqual(notes.refund_approval, "to_approve")
                    with self.assertRaises(UserError):
                        notes.with_user(self.biller)._post()

    def test_by_hand(self):
        """The button makes a draft where the company wants nothing by itself."""
        self.company.return_credit_policy = "none"
        order = self.sold()
        back = self.receive(self.announce(order, 2))
        with self.assertRaises(AccessError):
            back.with_user(self.worker).action_create_return_credit_notes()
        action = back.with_user(self.biller).action_create_return_credit_notes()
        note = self.env["account.move"].browse(action["res_id"])
        self.assertEqual(note.amount_total, 240)
        self.assertEqual(note.return_picking_ids, back)
        with self.assertRaisesRegex(UserError, "nothing was received"):
            back.action_create_return_credit_notes()
        note.action_post()
        self.assertEqual(back.return_state, "credited")
        # and from the order it is the same one
        with self.assertRaises(UserError):
            order._create_invoices(final=True)

    def test_from_the_order(self):
        self.company.return_credit_policy = "none"
        order = self.sold()
        back = self.receive(self.announce(order, 2))
        order._create_invoices(final=True).action_post()
        self.assertEqual(back.return_state, "credited")
        with self.assertRaisesRegex(UserError, "nothing was received"):
            back.action_create_return_credit_notes()

    def test_from_the_refund_wizard(self):
        """Credited before the goods are back: the receipt credits nothing more."""
        order = self.sold()
        note = self._credit(order.invoice_ids, (0, 3))
        back = note._return_credited_goods()
        self.receive(back, 3)
        self.assertEqual(self.credit_notes(order), note)
        self.assertEqual(back.return_state, "credited")
        other = self._credit(order.invoice_ids - note, (0, 2))
        back = other._return_credited_goods()
        self.receive(back, 1, rest="cancel")
        self.assertEqual(back.return_state, "over")

    def test_several_invoices(self):
        order = self._order((self.delivered, 5))
        self._deliver(order, 2)
        first = self._bill(order, date=fields.Date.to_date("2026-01-10"))
        self._deliver(order)
        second = self._bill(order, date=fields.Date.to_date("2026-02-10"))
        moves = order.picking_ids.move_ids
        backs = self.env["stock.picking"]._create_returns(dict.fromkeys(moves, 1))
        backs.with_user(self.worker).button_validate()
        notes = self.credit_notes(order)
        self.assertEqual(notes.reversed_entry_id, first | second)
        self.assertEqual(notes.mapped("amount_total"), [120, 120])
        self.assertEqual(set(backs.mapped("return_state")), {"credited"})

    def test_never_invoiced(self):
        """Case: delivered, not invoiced: less to invoice, no credit note."""
        order = self.sold(bill=False)
        back = self.receive(self.announce(order, 2))
        self.assertEqual(back.return_state, "received")
        self.assertFalse(order.invoice_ids)
        self.assertToInvoice(order.order_line, 3)
        self.assertEqual(self._bill(order).amount_untaxed, 300)

    def test_invoiced_on_order(self):
        order = self.sold((self.ordered, 5))
        self.receive(self.announce(order, 2))
        self.assertEqual(self.credit_notes(order).invoice_line_ids.quantity, 2)
        self.assertToInvoice(order.order_line, 0, invoiced=3)

    def test_exchange_is_not_credited(self):
        order = self.sold()
        back = self._return(order.picking_ids, 3, exchange=True)
        self.assertEqual(back.return_state, "received")
        self.assertFalse(self.credit_notes(order))
        replacement = order.picking_ids.filtered(lambda p: p.state != "done")
        replacement.action_cancel()
        self.assertEqual(back.return_state, "to_credit")

    def test_flat_number_of_queries(self):
        """Many receipts are credited as one set."""
        self.company.return_credit_policy = "none"

        def count(number):
            orders = [self.sold() for _number in range(number)]
            backs = self.env["stock.picking"].union(
                *(self.announce(order, 1) for order in orders)
            )
            backs.button_validate()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            backs._create_return_credit_notes(by_hand=True)
            self.env.flush_all()
            return self.cr.sql_log_count - before

        count(1)
        few, many = count(2), count(6)
        self.assertLess((many - few) / 4, 12, f"{few} for 2, {many} for 6")

    # -- what goes wrong ----------------------------------------------------------

    def test_what_cannot_be_credited_is_received(self):
        order = self.sold()
        self.company.return_credit_user_id = self.biller
        back = self.announce(order, 2)
        with patch.object(
            type(self.env["account.move"]),
            "_check_can_be_credited",
            side_effect=UserError("The books are closed."),
        ):
            self.receive(back)
        self.assertFalse(self.credit_notes(order))
        self.assertEqual(back.return_state, "to_credit")
        self.assertEqual(back.return_credit_error, "The books are closed.")
        self.assertEqual(back.activity_ids.user_id, self.biller)
        with self.assertRaises(AccessError):
            back.with_user(self.worker).read(["return_credit_error"])
        back.with_user(self.biller).action_create_return_credit_notes()
        self.assertEqual(self.credit_notes(order).state, "posted")
        self.assertFalse(back.return_credit_error)
        self.assertFalse(back.activity_ids)

    def test_one_bad_of_many(self):
        """One that cannot be credited does not keep the others from it."""
        good, bad, other = self.sold(), self.sold(), self.sold()
        backs = self.env["stock.picking"].union(
            *(self.announce(order, 1) for order in (good, bad, other))
        )
        bad.invoice_ids.button_draft()
        backs.with_user(self.worker).button_validate()
        self.assertEqual(
            backs.mapped("return_state"), ["credited", "to_credit", "credited"]
        )
        self.assertIn("no posted invoice", backs[1].return_credit_error)

    def test_unexpected_errors_are_noted(self):
        back = self.announce(self.sold(), 1)
        with (
            patch.object(
                type(self.env["account.move"]),
                "_prepare_credits",
                side_effect=KeyError("boom"),
            ),
            mute_logger("odoo.addons.avoir.models.stock_picking_credit"),
        ):
            self.receive(back)
        self.assertIn("boom", back.return_credit_error)

    def test_a_cancelled_credit_note_shows(self):
        self.company.return_credit_policy = "draft"
        order = self.sold()
        back = self.receive(self.announce(order, 2))
        self.credit_notes(order).button_cancel()
        self.assertEqual(back.return_state, "to_credit")
        back.action_create_return_credit_notes()
        self.assertEqual(back.return_state, "draft")

    def test_sent_to_the_customer_again(self):
        """What went back to the customer takes back what the receipt did."""
        for policy in ("draft", "post"):
            with self.subTest(policy):
                self.company.return_credit_policy = policy
                order = self.sold()
                back = self.receive(self.announce(order, 2))
                note = self.credit_notes(order)
                self._return(back, 2)
                if policy == "draft":
                    self.assertEqual(note.state, "cancel")
                    self.assertToInvoice(order.order_line, 0, invoiced=5)
                else:
                    self.assertToInvoice(order.order_line, 2, invoiced=3)
                    self.assertEqual(self._bill(order).amount_untaxed, 200)

    def test_a_part_sent_again(self):
        order = self.sold()
        self.company.return_credit_policy = "draft"
        back = self.receive(self.announce(order, 2))
        self._return(back, 1)
        notes = self.credit_notes(order)
        self.assertEqual(notes.mapped("state"), ["cancel", "draft"])
        self.assertEqual(notes[1].amount_untaxed, 100)
        notes[1].action_post()
        self._return(back, 1)
        self.assertEqual(back.return_state, "credited")

    def test_more_sent_again_than_credited(self):
        order = self.sold()
        back = self.receive(self.announce(order, 3))
        self._return(back, 1)
        self.assertEqual(back.return_state, "over")
        self.assertTrue(back.activity_ids)
        self.assertEqual(self.credit_notes(order).state, "posted")

    # -- accounts -----------------------------------------------------------------

    def test_foreign_currency(self):
        currency = self.setup_other_currency("EUR", rates=[("2026-01-01", 1.25)])
        pricelist = self.env["product.pricelist"].create(
            {"name": "EUR", "currency_id": currency.id}
        )
        order = self._order((self.delivered, 5), pricelist_id=pricelist.id)
        self._deliver(order)
        invoice = self._bill(order, date=fields.Date.to_date("2026-02-01"))
        currency.rate_ids.create(
            {"currency_id": currency.id, "name": "2026-03-01", "rate": 1.0}
        )
        self.receive(self.announce(order, 1))
        note = self.credit_notes(order)
        self.assertEqual(note.currency_id, currency)
        self.assertEqual(note.amount_total, 120)
        self.assertEqual(note.amount_total_signed, -96)
        self.assertEqual(invoice.amount_residual, 480)

    def test_two_companies(self):
        other = self.setup_other_company()["company"]
        warehouse = self._warehouse(other)
        order = self.sold()
        stranger = self._new_user("stranger", "stock.group_stock_user")
        stranger.write(
            {"company_ids": [Command.set(other.ids)], "company_id": other.id}
        )
        back = self.announce(order, 1)
        with self.assertRaises(AccessError):
            back.with_user(stranger).button_validate()
        found = self.env["stock.picking"].with_user(stranger)
        self.assertNotIn(back, found.search([("return_kind", "=", "customer")]))
        # from the other company's side, the policy is that of the return
        other.return_credit_policy = "none"
        self.env.user.company_ids |= other
        both = back.with_context(allowed_company_ids=[other.id, self.company.id])
        both.button_validate()
        self.assertEqual(self.credit_notes(order).company_id, self.company)
        self.assertNotEqual(warehouse.company_id, self.company)

    def test_prices_are_not_for_the_warehouse(self):
        back = self.announce(self.sold(), 1)
        fields_of = back.with_user(self.worker).fields_get()
        for name in ("credit_note_ids", "return_credit_error", "return_invoice_ids"):
            self.assertNotIn(name, fields_of)
        with self.assertRaises(AccessError):
            back.with_user(self.worker).return_state = "credited"
        view = back.with_user(self.worker).get_view(
            self.env.ref("avoir.stock_picking_return_view_form").id
        )
        self.assertNotIn("Create Credit Note", view["arch"])
        self.assertNotIn("price", view["arch"])
