from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .test_return_extra import ExtraCommon


@tagged("post_install", "-at_install", "-standard", "avoir_extra")
class TestReturnVendorExtra(ExtraCommon):
    """Goods that go back to a vendor, and his refund."""

    def setUp(self):
        super().setUp()
        self.needs("purchase.order")

    def purchase(self, product, quantity, **values):
        order = self.env["purchase.order"].create(
            {
                "partner_id": self.partner.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "product_qty": quantity,
                            "price_unit": 10.0,
                            "tax_ids": [Command.clear()],
                        }
                    )
                ],
                **values,
            }
        )
        order.button_confirm()
        return order

    def receive(self, order, quantity=None):
        """Receive so many, and leave the rest expected."""
        picking = order.picking_ids.filtered(lambda one: one.state == "assigned")
        self._validate(picking, quantity)
        return picking

    def bill(self, order, price=None, **values):
        bill = self.env["account.move"].browse(order.action_create_invoice()["res_id"])
        bill.write({"invoice_date": fields.Date.today(), **values})
        if price:
            bill.invoice_line_ids.price_unit = price
        bill.action_post()
        return bill

    def refunds(self, back, user=None):
        before = back.credit_note_ids
        back.with_user(user or self.env.user).action_create_vendor_refunds()
        return back.credit_note_ids - before

    def test_return_to_the_vendor(self):
        order = self.purchase(self.delivered, 10)
        self._validate(order.picking_ids)
        order.action_create_invoice()
        bill = order.invoice_ids
        bill.invoice_date = fields.Date.today()
        bill.action_post()
        wizard = self.env["stock.return.picking"].create(
            {"picking_id": order.picking_ids.id}
        )
        self.assertFalse(wizard.is_customer_return)
        self.assertEqual(wizard.product_return_moves.returnable_quantity, 10)
        wizard.product_return_moves.quantity = 4
        back = self.env["stock.picking"].browse(
            wizard.action_create_returns()["res_id"]
        )
        self._validate(back)
        self.assertEqual(back.return_kind, "vendor")
        back.action_create_vendor_refunds()
        refund = order.invoice_ids - bill
        self.assertRecordValues(
            refund,
            [
                {
                    "move_type": "in_refund",
                    "state": "draft",
                    "amount_untaxed": 40,
                    "reversed_entry_id": bill.id,
                }
            ],
        )
        self.assertEqual(
            refund.invoice_line_ids.reversed_line_id, bill.invoice_line_ids
        )
        self.assertEqual(order.order_line.qty_invoiced, 6)
        self.assertEqual(order.order_line.qty_to_invoice, 0)
        with self.assertRaisesRegex(UserError, "no posted bill"):
            back.action_create_vendor_refunds()

    def test_each_receipt_has_its_bill(self):
        order = self.purchase(self.delivered, 10)
        first = self.receive(order, 6)
        one = self.bill(order)
        second = self.receive(order, 4)
        two = self.bill(order, price=12)
        back = self._return(first, 2)
        self.assertEqual(self.refunds(back).reversed_entry_id, one)
        back |= (late := self._return(second, 3))
        refund = self.refunds(late)
        self.assertEqual(refund.reversed_entry_id, two)
        self.assertEqual(refund.amount_untaxed, 36)
        self.assertFalse(late.can_refund_vendor)
        self.assertEqual(order.order_line.qty_invoiced, 5)

    def test_a_receipt_on_two_bills(self):
        """Both returns in one press: a refund for each bill, none asked for twice."""
        order = self.purchase(self.delivered, 10)
        first = self.receive(order, 6)
        one = self.bill(order)
        one_more = self.receive(order, 4)
        two = self.bill(order, price=12)
        backs = self._return(first, 6) | self._return(one_more, 4)
        backs.action_create_vendor_refunds()
        notes = backs.credit_note_ids.sorted("amount_untaxed")
        self.assertEqual(notes.mapped("amount_untaxed"), [48, 60])
        self.assertEqual(notes.reversed_entry_id, one | two)
        with self.assertRaisesRegex(UserError, "no posted bill"):
            backs.action_create_vendor_refunds()
        notes.filtered(lambda note: note.amount_untaxed == 48).button_cancel()
        self.assertEqual(self.refunds(backs[1]).amount_untaxed, 48)

    def test_no_more_than_was_billed(self):
        """The vendor's refund of eight was entered by hand: two are left."""
        order = self.purchase(self.delivered, 10)
        receipt = self.receive(order)
        bill = self.bill(order)
        wizard = self.env["account.move.reversal"].with_context(
            active_model="account.move", active_ids=bill.ids
        )
        by_hand = wizard.create({"journal_id": bill.journal_id.id})
        by_hand = self.env["account.move"].browse(by_hand.refund_moves()["res_id"])
        by_hand.invoice_line_ids.quantity = 8
        back = self._return(receipt, 5)
        refund = self.refunds(back)
        self.assertEqual(refund.amount_untaxed, 20)
        with self.assertRaisesRegex(UserError, "credit|refund"):
            refund.invoice_line_ids.quantity = 5
            refund.invoice_date = fields.Date.today()
            refund.action_post()

    def test_not_billed_yet(self):
        order = self.purchase(self.delivered, 10)
        back = self._return(self.receive(order), 4)
        self.assertFalse(back.can_refund_vendor)
        with self.assertRaisesRegex(UserError, "no posted bill"):
            back.action_create_vendor_refunds()
        self.assertEqual(self.bill(order).amount_untaxed, 60)
        self.assertFalse(back.can_refund_vendor)

    def test_never_more_back_to_the_vendor(self):
        order = self.purchase(self.delivered, 10)
        receipt = self.receive(order)
        self._return(receipt, 7)
        with self.assertRaisesRegex(UserError, "no more than 3"):
            self._return(receipt, 4)

    def test_in_the_currency_and_at_the_rate_of_the_bill(self):
        currency = self.setup_other_currency("EUR", rates=[("2026-01-01", 1.25)])
        order = self.purchase(self.delivered, 10, currency_id=currency.id)
        receipt = self.receive(order)
        bill = self.bill(order, invoice_date=fields.Date.to_date("2026-02-01"))
        self.assertEqual(bill.amount_total_signed, -80)
        currency.rate_ids.create(
            {"currency_id": currency.id, "name": "2026-03-01", "rate": 1.0}
        )
        refund = self.refunds(self._return(receipt, 5))
        refund.invoice_date = fields.Date.to_date("2026-03-02")
        refund.action_post()
        self.assertEqual(refund.currency_id, currency)
        self.assertEqual(refund.amount_total, 50)
        self.assertEqual(refund.amount_total_signed, 40)
        self.assertEqual(bill.amount_residual, 50)

    def test_who_may(self):
        order = self.purchase(self.delivered, 10)
        receipt = self.receive(order)
        self.bill(order)
        back = self._return(receipt, 5)
        worker = self._new_user("packer", "stock.group_stock_user")
        with self.assertRaises(AccessError):
            back.with_user(worker).action_create_vendor_refunds()
        self.assertNotIn("can_refund_vendor", back.with_user(worker).fields_get())
        biller = self._new_user("biller", "account.group_account_invoice")
        self.assertTrue(back.with_user(biller).can_refund_vendor)
        self.assertEqual(self.refunds(back, biller).amount_untaxed, 50)

    # -- subcontracting --------------------------------------------------------------

    def test_back_to_the_subcontractor(self):
        """It goes back to the subcontractor as Odoo has it, no more than came, and is
        no return of a customer."""
        self.needs("mrp.bom")
        if "is_subcontract" not in self.env["stock.move"]._fields:
            self.skipTest("mrp_subcontracting is not installed")
        part, product = self._goods("Part"), self._goods("Assembled elsewhere")
        self.env["mrp.bom"].create(
            {
                "product_tmpl_id": product.product_tmpl_id.id,
                "type": "subcontract",
                "subcontractor_ids": [Command.set(self.partner.ids)],
                "bom_line_ids": [
                    Command.create({"product_id": part.id, "product_qty": 1})
                ],
            }
        )
        order = self.purchase(product, 5)
        receipt = self.receive(order)
        self.assertTrue(receipt.move_ids.is_subcontract)
        self.bill(order)
        back = self._return(receipt, 2)
        self.assertEqual(back.state, "done")
        self.assertEqual(order.order_line.qty_received, 3)
        self.assertNotEqual(back.return_kind, "customer")
        self.assertEqual(self.refunds(back).amount_untaxed, 20)
        with self.assertRaisesRegex(UserError, "no more than 3"):
            self._return(receipt, 4)
