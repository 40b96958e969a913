from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .return_common import AvoirReturnCommon


@tagged("post_install", "-at_install")
class TestReturnUnsold(AvoirReturnCommon):
    """Goods that come back and that no order sold."""

    def delivered_by_hand(self, quantity=5):
        picking = self.env["stock.picking"].create(
            {
                "partner_id": self.partner.id,
                "picking_type_id": self.warehouse.out_type_id.id,
                "location_id": self.stock.id,
                "location_dest_id": self.env.ref("stock.stock_location_customers").id,
                "move_ids": [
                    Command.create(
                        {
                            "product_id": self.delivered.id,
                            "product_uom_qty": quantity,
                            "location_id": self.stock.id,
                            "location_dest_id": self.env.ref(
                                "stock.stock_location_customers"
                            ).id,
                        }
                    )
                ],
            }
        )
        picking.action_confirm()
        self._validate(picking)
        return picking

    def invoiced_by_hand(self, quantity=5, price=90.0, post=True, **values):
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_date": fields.Date.today(),
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": self.delivered.id,
                            "quantity": quantity,
                            "price_unit": price,
                            "tax_ids": [Command.set(self.vat20.ids)],
                        }
                    )
                ],
                **values,
            }
        )
        if post:
            invoice.action_post()
        return invoice

    def back(self, picking, quantity, **judged):
        return self.receive(self._return(picking, quantity, done=False), **judged)

    def test_a_draft_joined_to_the_invoice(self):
        """Never posted by itself: customer and product are all that joins them."""
        invoice = self.invoiced_by_hand()
        back = self.back(self.delivered_by_hand(), 3, refused=1)
        self.assertEqual(back.return_state, "draft")
        note = back.credit_note_ids
        self.assertEqual(note.state, "draft")
        self.assertEqual(note.amount_untaxed, 180)
        self.assertEqual(note.reversed_entry_id, invoice)
        self.assertEqual(
            note.invoice_line_ids.reversed_line_id, invoice.invoice_line_ids
        )
        self.assertNotIn("created from", "".join(note.message_ids.mapped("body")))
        note.action_post()
        self.assertEqual(back.return_state, "credited")
        self.assertEqual(invoice.amount_residual, 5 * 108 - 216)

    def test_by_hand(self):
        self.company.return_credit_policy = "none"
        invoices = self.invoiced_by_hand(4) | self.invoiced_by_hand(2, price=80)
        back = self.back(self.delivered_by_hand(), 3)
        self.assertEqual(back.return_state, "to_credit")
        self.assertTrue(back.with_user(self.biller).can_be_settled)
        back.with_user(self.biller).action_create_return_credit_notes()
        self.assertEqual(back.return_state, "draft")
        notes = back.credit_note_ids.sorted("amount_untaxed")
        self.assertEqual(notes.mapped("amount_untaxed"), [90, 160])
        self.assertEqual(notes.reversed_entry_id, invoices)
        notes.button_cancel()
        self.assertEqual(back.return_state, "to_credit")

    def test_nothing_to_credit(self):
        self.company.return_credit_policy = "none"
        self.invoiced_by_hand()
        back = self.back(self.delivered_by_hand(), 3)
        for values in ({"return_settled": True}, {"return_state": "received"}):
            with self.assertRaises(AccessError):
                back.with_user(self.worker).write(values)
        with self.assertRaises(AccessError):
            back.with_user(self.worker).action_settle_return()
        back.with_user(self.biller).action_settle_return()
        self.assertEqual(back.return_state, "received")
        with self.assertRaisesRegex(UserError, "only goods that no order sold"):
            back.with_user(self.biller).action_settle_return()
        with self.assertRaisesRegex(UserError, "nothing was received that"):
            back.with_user(self.biller).action_create_return_credit_notes()

    def test_not_invoiced(self):
        """Of nobody else's invoice, of none in draft, of none that is credited."""
        other = self.env["res.partner"].create({"name": "Somebody else"})
        self.invoiced_by_hand(partner_id=other.id)
        self.invoiced_by_hand(post=False)
        self._bill(self.sold(bill=False))
        credited = self.invoiced_by_hand()
        credited._reverse_moves(cancel=True)
        back = self.back(self.delivered_by_hand(), 3)
        self.assertEqual(back.return_state, "received")
        self.assertFalse(back.credit_note_ids)

    def test_sent_to_the_customer_again(self):
        self.company.return_credit_policy = "none"
        self.invoiced_by_hand()
        back = self.back(self.delivered_by_hand(), 3)
        self._return(back, 3)
        self.assertEqual(back.return_state, "received")

    def test_foreign_currency(self):
        currency = self.setup_other_currency("EUR", rates=[("2026-01-01", 1.25)])
        invoice = self.invoiced_by_hand(
            currency_id=currency.id, invoice_date=fields.Date.to_date("2026-02-01")
        )
        currency.rate_ids.create(
            {"currency_id": currency.id, "name": "2026-03-01", "rate": 1.0}
        )
        back = self.back(self.delivered_by_hand(), 2)
        note = back.credit_note_ids
        # posted later, at the rate of the invoice all the same
        note.invoice_date = fields.Date.to_date("2026-03-02")
        note.action_post()
        self.assertEqual(note.currency_id, currency)
        self.assertEqual(note.amount_total, 216)
        self.assertEqual(note.amount_total_signed, -172.8)
        self.assertEqual(invoice.amount_residual, 324)

    def test_put_into_the_parcel_of_an_order(self):
        """Invoiced by hand, and sent back together with goods of an order."""
        invoice = self.invoiced_by_hand(1)
        order = self.sold((self.ordered, 5))
        back = self.announce(order, 2)
        back.with_user(self.worker).move_ids = [self.one_more(back)]
        back.move_ids.picked = True
        self.receive(back)
        notes = back.credit_note_ids.sorted("amount_untaxed")
        self.assertEqual(notes.mapped("amount_untaxed"), [90, 200])
        self.assertEqual(notes[0].reversed_entry_id, invoice)
        self.assertEqual(notes.mapped("state"), ["draft", "posted"])
        self.assertEqual(back.return_state, "draft")

    def one_more(self, back):
        return Command.create(
            {
                "product_id": self.delivered.id,
                "product_uom_qty": 1,
                "quantity": 1,
                "picked": True,
                "location_id": back.location_id.id,
                "location_dest_id": back.location_dest_id.id,
            }
        )

    def test_received_by_a_salesperson(self):
        """Core adds a line to the order for them: the others are credited all the
        same, and this one waits for the order's own invoice."""
        user = self._new_user(
            "both", "stock.group_stock_user,sales_team.group_sale_salesman_all_leads"
        )
        order = self.sold((self.ordered, 5))
        back = self.announce(order, 2)
        back.with_user(user).move_ids = [self.one_more(back)]
        back.move_ids.picked = True
        self.receive(back, user=user)
        self.assertEqual(self.credit_notes(order).amount_untaxed, 200)
        self.assertEqual(back.return_state, "to_credit")
        with self.assertRaisesRegex(UserError, "never sold with it"):
            back.with_user(self.biller).action_create_return_credit_notes()
        note = order._create_invoices(final=True)
        self.assertEqual(note.amount_untaxed, 100)
        self.assertEqual(back.return_state, "credited")

    def test_looked_up_for_all_at_once(self):
        """As many statements for six returns as for two."""
        self.company.return_credit_policy = "none"
        self.invoiced_by_hand(40)
        backs = self.env["stock.picking"]
        for _index in range(6):
            backs |= self.back(self.delivered_by_hand(), 2)
        counts = []
        for some in (backs, backs[:2], backs):  # once to warm up
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.assertEqual(len(some._get_unsold_left_to_credit()), len(some))
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])
        requests = backs._prepare_unsold_credit_requests()
        self.assertEqual(sum(len(one.lines) for one in requests), 6)
