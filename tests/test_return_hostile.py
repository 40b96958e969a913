from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from .return_common import AvoirReturnCommon


@tagged("post_install", "-at_install")
class TestReturnHostile(AvoirReturnCommon):
    """Returns in the wrong order, corrected, duplicated, or written through the API."""

    def test_what_was_received_is_not_typed_over(self):
        """The API takes no claim to a credit note that the goods do not give."""
        order = self.sold()
        back = self.receive(self.announce(order, 2), refused=1)
        refused = back.move_ids.filtered(lambda one: one.return_verdict == "refused")
        stock = back.move_ids - refused
        for moves, values in (
            (refused, {"to_refund": True}),
            (stock, {"to_refund": False}),
            (stock, {"sale_line_id": False}),
            (stock, {"origin_returned_move_id": False}),
        ):
            with self.subTest(values), self.assertRaisesRegex(UserError, "stands"):
                moves.with_user(self.worker).write(values)
        refused.with_user(self.worker).write({"to_refund": False})  # as it is
        self.assertEqual(back.return_state, "credited")
        self.assertEqual(order.order_line.qty_delivered, 4)

    def test_corrected_afterwards(self):
        """Counted wrongly: three were received, two are there."""
        for policy in ("draft", "post"):
            with self.subTest(policy):
                self.company.return_credit_policy = policy
                order = self.sold()
                back = self.receive(self.announce(order, 3))
                note = self.credit_notes(order)
                back.with_user(self.worker).move_line_ids.quantity = 2
                if policy == "draft":
                    self.assertEqual(note.state, "cancel")
                    again = self.credit_notes(order) - note
                    self.assertEqual(again.amount_untaxed, 200)
                    self.assertEqual(back.return_state, "draft")
                else:
                    self.assertEqual(back.return_state, "over")
                    self.assertIn("More is credited", back.activity_ids.summary)

    def test_more_found_afterwards(self):
        order = self.sold()
        back = self.receive(self.announce(order, 3), 2, rest="cancel")
        back.with_user(self.worker).move_line_ids.quantity = 3
        self.assertEqual(self.credit_notes(order).mapped("amount_untaxed"), [200, 100])
        self.assertEqual(back.return_state, "credited")

    def test_corrected_to_nothing(self):
        order = self.sold()
        back = self.receive(self.announce(order, 3))
        back.with_user(self.worker).move_line_ids.quantity = 0
        self.assertToInvoice(order.order_line, 3, "to invoice")
        self.assertEqual(order.order_line.qty_delivered, 5)

    def test_what_was_scrapped_or_refused_is_not_corrected(self):
        """The scrap order and the delivery back would not follow."""
        for verdict in ("scrap", "refused"):
            order = self.sold()
            back = self.receive(self.announce(order, 3), **{verdict: 2})
            judged = back.move_ids.grouped("return_verdict")
            for quantity in (1, 3):
                with (
                    self.subTest(verdict, quantity=quantity),
                    self.assertRaisesRegex(UserError, "stands"),
                ):
                    lines = judged[verdict].with_user(self.worker).move_line_ids
                    lines.quantity = quantity

    def test_refused_and_not_sent_back(self):
        """The customer has neither goods nor money: somebody is told."""
        order = self.sold()
        back = self.receive(self.announce(order, 2), refused=1)
        self.assertFalse(back.activity_ids)
        back.return_ids.with_user(self.worker).action_cancel()
        self.assertIn("Refused goods were not sent", back.activity_ids.summary)
        self.company.return_credit_refused = True
        back = self.receive(self.announce(order, 2), refused=1)
        back.return_ids.with_user(self.worker).action_cancel()
        self.assertFalse(back.activity_ids)

    def test_a_draft_duplicate_keeps_nothing_from_being_received(self):
        order = self.sold()
        back = self.announce(order, 3)
        copy = back.copy()
        self.receive(back)
        self.assertEqual(self.credit_notes(order).amount_untaxed, 300)
        with self.assertRaisesRegex(UserError, "5 Units went out"):
            copy.action_confirm()

    def test_two_lines_for_the_same_goods(self):
        order = self.sold()
        wizard = Form(
            self.env["sale.order.return"].with_context(
                active_model="sale.order", active_id=order.id
            )
        ).save()
        wizard.line_ids.quantity = 2
        wizard.line_ids = [
            Command.create(
                {
                    "sale_line_id": order.order_line.id,
                    "product_id": self.delivered.id,
                    "quantity": 1,
                }
            )
        ]
        wizard.action_return()
        back = order.picking_ids.filtered(lambda one: one.return_kind == "customer")
        self.assertEqual(back.move_ids.product_uom_qty, 3)
        # pressed twice: what is expected already is not asked for once more
        wizard.line_ids.quantity = 2
        with self.assertRaisesRegex(UserError, "no more than 2"):
            wizard.action_return()

    def test_what_is_no_number(self):
        """JSON knows NaN and Infinity."""
        order = self.sold()
        back = self.announce(order, 1)
        wizards = (
            self.env["stock.return.picking"]
            .create({"picking_id": order.picking_ids.sorted("id")[0].id})
            .product_return_moves,
            self.env["sale.order.return"]
            .with_context(active_model="sale.order", active_id=order.id)
            .create({})
            .line_ids,
        )
        for value in (float("nan"), float("inf"), -float("inf")):
            for lines in wizards:
                with self.assertRaisesRegex(UserError, "has to be a number"):
                    lines.write({"quantity": value})
        self.assertEqual(order.picking_ids - back, order.picking_ids.sorted("id")[0])

    def test_the_print_button_prints_the_slip(self):
        order = self.sold()
        order = order.with_context(discard_logo_check=True)
        back = self.announce(order, 3).with_user(self.worker)
        back = back.with_context(discard_logo_check=True)
        action = back.do_print_picking()
        self.assertEqual(action["report_name"], "avoir.report_return_slip")
        self.assertTrue(back.printed)
        action = order.picking_ids.sorted("id")[0].do_print_picking()
        self.assertEqual(action["report_name"], "stock.report_picking")

    def test_refused_and_credited_is_not_credited_twice(self):
        """The customer has the money, sends the goods once more, and they are taken."""
        self.company.return_credit_refused = True
        for product in (self.delivered, self.ordered):
            with self.subTest(product.name):
                order = self.sold((product, 5))
                back = self.receive(self.announce(order, 2), refused=2)
                self._validate(back.return_ids)
                self.assertEqual(self.credit_notes(order).amount_untaxed, 200)
                late = self._return(back.return_ids, 1, done=False)
                self.receive(late)
                self.assertEqual(self.credit_notes(order).amount_untaxed, 200)
                self.assertEqual(late.return_state, "received")
                self.assertToInvoice(order.order_line, 0, invoiced=3)
                # one that was never credited is
                first = order.picking_ids.sorted("id")[0]
                self.receive(self._return(first, 1, done=False))
                notes = self.credit_notes(order)
                self.assertEqual(notes.mapped("amount_untaxed"), [200, 100])

    def test_what_was_not_sold_is_received_and_not_credited(self):
        """The customer puts something else into the parcel."""
        order = self.sold()
        back = self.announce(order, 2)
        back.with_user(self.worker).move_ids = [
            Command.create(
                {
                    "product_id": self.ordered.id,
                    "product_uom_qty": 1,
                    "quantity": 1,
                    "picked": True,
                    "location_id": back.location_id.id,
                    "location_dest_id": back.location_dest_id.id,
                }
            )
        ]
        before = self.on_hand(self.ordered, self.stock)
        back.move_ids.picked = True
        self.receive(back)
        self.assertEqual(self.on_hand(self.ordered, self.stock), before + 1)
        self.assertEqual(len(order.order_line), 1)
        self.assertEqual(self.credit_notes(order).amount_untaxed, 200)
        self.assertIn("not sold", "".join(back.message_ids.mapped("body")))
