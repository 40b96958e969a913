from contextlib import contextmanager

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, new_test_user, tagged

from odoo.addons.stock.tests.common import TestStockCommon


@tagged("post_install", "-at_install")
class TestStockReturn(TestStockCommon):
    """Never more back than went out, and the return transfers of many at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.in_lots = cls.env["product.product"].create(
            {"name": "In lots", "is_storable": True, "tracking": "lot"}
        )
        cls.pickings = cls.env["stock.picking"]

    def deliver(self, *lines, done=True):
        """A transfer to the customer of ``(product, quantity[, unit])`` lines."""
        picking = self.pickings.create(
            {
                "picking_type_id": self.picking_type_out.id,
                "location_id": self.stock_location.id,
                "location_dest_id": self.customer_location.id,
                "move_ids": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "product_uom_qty": quantity,
                            "product_uom": (unit or [product.uom_id])[0].id,
                            "location_id": self.stock_location.id,
                            "location_dest_id": self.customer_location.id,
                        }
                    )
                    for product, quantity, *unit in lines
                ],
            }
        )
        picking.action_confirm()
        if done:
            for move in picking.move_ids:
                move.quantity = move.product_uom_qty
            picking.button_validate()
            self.assertEqual(picking.state, "done")
        return picking

    @contextmanager
    def refused(self, message):
        with self.assertRaisesRegex(UserError, message), self.cr.savepoint():
            yield

    def receive(self, picking, quantity=None):
        for move in picking.move_ids:
            move.quantity = move.product_uom_qty if quantity is None else quantity
            move.picked = True
        picking._action_done()

    def wizard(self, picking, quantity):
        wizard = Form(
            self.env["stock.return.picking"].with_context(
                active_id=picking.id, active_ids=picking.ids, active_model=picking._name
            )
        ).save()
        wizard.product_return_moves.quantity = quantity
        return self.pickings.browse(wizard.action_create_returns()["res_id"])

    def test_one_return_for_each_delivery(self):
        one = self.deliver((self.productA, 5), (self.productB, 3))
        two = self.deliver((self.productA, 4))
        move_a, move_b = one.move_ids
        returns = self.pickings._create_returns(
            {move_a: 2, move_b: 0, two.move_ids: 4}, values={"note": "As announced"}
        )
        self.assertRecordValues(
            returns,
            [
                {
                    "return_id": picking.id,
                    "origin": f"Return of {picking.name}",
                    "state": "assigned",
                    "picking_type_id": self.picking_type_in.id,
                    "location_id": self.customer_location.id,
                    "location_dest_id": self.stock_location.id,
                    "user_id": False,
                }
                for picking in (one, two)
            ],
        )
        self.assertRecordValues(
            returns.move_ids,
            [
                {
                    "origin_returned_move_id": move.id,
                    "product_uom_qty": quantity,
                    "quantity": quantity,
                    "to_refund": True,
                    "state": "assigned",
                }
                for move, quantity in ((move_a, 2), (two.move_ids, 4))
            ],
        )
        self.assertIn("As announced", returns[0].note)
        self.assertIn(one.name, returns[0].message_ids[0].body)

    def test_same_as_the_wizard(self):
        """What the set-wise way makes is what core's wizard makes."""
        picking = self.deliver((self.productA, 5))
        by_wizard = self.wizard(picking, 2)
        by_us = self.pickings._create_returns({picking.move_ids: 2})
        names = [
            "origin_returned_move_id",
            "move_orig_ids",
            "move_dest_ids",
            "location_id",
            "location_dest_id",
            "location_final_id",
            "warehouse_id",
            "procure_method",
            "product_uom",
            "product_uom_qty",
            "to_refund",
            "partner_id",
            "reference_ids",
        ]
        theirs, ours = by_wizard.move_ids.read(names), by_us.move_ids.read(names)
        for values in theirs + ours:
            del values["id"]
        self.assertEqual(ours, theirs)

    def test_without_refund(self):
        picking = self.deliver((self.productA, 5))
        returns = self.pickings._create_returns({picking.move_ids: 2}, to_refund=False)
        self.assertFalse(returns.move_ids.to_refund)

    def test_part_of_a_dozen(self):
        picking = self.deliver((self.productA, 2, self.uom_dozen))
        dozens = self.pickings._create_returns({picking.move_ids: 1.0})
        self.assertEqual(dozens.move_ids.product_uom, self.uom_dozen)
        units = self.pickings._create_returns({picking.move_ids: 5 / 12})
        self.assertEqual(units.move_ids.product_uom, self.uom_unit)
        self.assertEqual(units.move_ids.product_uom_qty, 5)
        left = picking.move_ids._get_returnable_quantities()[picking.move_ids]
        self.assertAlmostEqual(left, 7 / 12)
        self.pickings._create_returns({picking.move_ids: left})
        with self.refused("no more than 24 Units"):
            self.pickings._create_returns({picking.move_ids: 1 / 12})

    def test_never_more_than_went_out(self):
        picking = self.deliver((self.productA, 5))
        move = picking.move_ids
        first = self.pickings._create_returns({move: 3})
        self.assertEqual(move._get_returnable_quantities(), {move: 2})
        with self.refused("no more than 5 Units.*6 are expected"):
            self.pickings._create_returns({move: 3})
        self.receive(first)
        second = self.pickings._create_returns({move: 2})
        self.receive(second)
        self.assertEqual(move._get_returnable_quantities(), {move: 0})
        with self.refused("Product A: no more than 5"):
            self.pickings._create_returns({move: 1})

    def test_core_wizard_has_the_same_limit(self):
        picking = self.deliver((self.productA, 5))
        self.receive(self.wizard(picking, 5))
        with self.refused("no more than 0 Units can still come back"):
            self.wizard(picking, 7)

    def test_checked_again_at_the_receipt(self):
        picking = self.deliver((self.productA, 5))
        back = self.pickings._create_returns({picking.move_ids: 5})
        with self.refused("no more than 5 Units"):
            self.receive(back, 6)

    def test_checked_again_when_corrected(self):
        picking = self.deliver((self.productA, 5))
        back = self.pickings._create_returns({picking.move_ids: 3})
        self.receive(back)
        with self.refused("no more than 5 Units"):
            back.move_ids.quantity = 6
        with self.refused("no more than 2 Units"):
            picking.move_ids.quantity = 2
        back.move_ids.quantity = 5
        self.assertEqual(
            picking.move_ids._get_returned_quantities(), {picking.move_ids: (5, 0)}
        )

    def test_cancelled_returns_do_not_count(self):
        picking = self.deliver((self.productA, 5))
        self.pickings._create_returns({picking.move_ids: 5}).action_cancel()
        self.receive(self.pickings._create_returns({picking.move_ids: 5}))
        self.assertEqual(
            picking.move_ids._get_returned_quantities(), {picking.move_ids: (5, 0)}
        )

    def test_received_less(self):
        """The rest stays expected, and counts."""
        picking = self.deliver((self.productA, 5))
        back = self.pickings._create_returns({picking.move_ids: 3})
        self.receive(back, 2)
        self.assertEqual(back.backorder_ids.move_ids.product_uom_qty, 1)
        self.assertEqual(
            picking.move_ids._get_returnable_quantities(), {picking.move_ids: 2}
        )

    def test_before_the_delivery(self):
        """Announced before the goods left: no more than is to leave, and received
        only after."""
        picking = self.deliver((self.productA, 5), done=False)
        back = self.pickings._create_returns({picking.move_ids: 2})
        with self.refused("no more than 0 Units"):
            self.receive(back)

    def test_lots(self):
        lots = self.env["stock.lot"].create(
            [{"name": name, "product_id": self.in_lots.id} for name in "XYZ"]
        )
        for lot in lots:
            self.env["stock.quant"]._update_available_quantity(
                self.in_lots, self.stock_location, 1, lot_id=lot
            )
        picking = self.deliver((self.in_lots, 2), done=False)
        picking.action_assign()
        picking.move_ids.picked = True
        picking._action_done()
        self.assertEqual(picking.move_line_ids.lot_id.mapped("name"), ["X", "Y"])
        back = self.pickings._create_returns({picking.move_ids: 1})
        self.assertEqual(back.move_line_ids.lot_id, lots[0])
        back.move_line_ids.lot_id = lots[2]
        with self.refused("number Z comes back with 1 Units more"):
            self.receive(back)

    def test_bad_quantities(self):
        move = self.deliver((self.productA, 5)).move_ids
        with self.refused("below zero"):
            self.pickings._create_returns({move: -1})
        with self.refused("nothing to return"):
            self.pickings._create_returns({move: 0})

    def test_without_rights_on_stock(self):
        """Customer service, without rights in the warehouse, announces goods."""
        user = new_test_user(self.env, "service", "avoir.group_refund_user")
        move = self.deliver((self.productA, 5)).move_ids
        returns = self.pickings.with_user(user)._create_returns({move: 1})
        self.assertEqual(returns.env.user, user)
        self.assertEqual(returns.sudo().create_uid, user)

    def test_flat_number_of_queries(self):
        def count(number):
            moves = self.env["stock.move"].union(
                *(self.deliver((self.productA, 5)).move_ids for _i in range(number))
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.pickings._create_returns(dict.fromkeys(moves, 1))
            self.env.flush_all()
            return self.cr.sql_log_count - before

        count(2)
        few, many = count(5), count(25)
        self.assertLess((many - few) / 20, 12, f"{few} for 5, {many} for 25")

    def test_duplicates_have_the_limit_of_the_order(self):
        order = self.env["sale.order"].create(
            {
                "partner_id": self.env["res.partner"].create({"name": "Buyer"}).id,
                "order_line": [
                    Command.create(
                        {"product_id": self.productA.id, "product_uom_qty": 5}
                    )
                ],
            }
        )
        order.action_confirm()
        out = order.picking_ids
        out.move_ids.quantity = 5
        out.button_validate()
        back = self.pickings._create_returns({out.move_ids: 3})
        with self.refused("5 Units went out for .* and 6 would come back"):
            back.copy().action_confirm()
        self.receive(back)
        copy = back.copy()
        copy.move_ids.product_uom_qty = 2
        copy.action_confirm()
        with self.refused("Product A: 5 Units went out"):
            self.receive(copy, 3)
        with self.refused("went out"):
            self.pickings._create_returns({out.move_ids: 2})
        self.receive(copy, 2)
        self.assertEqual(order.order_line.qty_delivered, 0)

    def test_sent_again_once(self):
        """What came back is sent to the customer again no more than once."""
        out = self.deliver((self.productA, 5))
        back = self.wizard(out, 3)
        self.receive(back)
        self.receive(self.wizard(back, 3))
        with self.refused("no more than 0 Units"):
            self.wizard(back, 1)
        with self.refused("no more than 3 Units"):
            self.pickings._create_returns({back.move_ids: 1})
