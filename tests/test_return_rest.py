from odoo.exceptions import UserError
from odoo.tests import tagged

from .return_common import AvoirReturnCommon


@tagged("post_install", "-at_install")
class TestReturnRest(AvoirReturnCommon):
    """What of a received return is not done, and what it cannot be told."""

    def test_what_is_still_under_way(self):
        """The rest that did not come, and what was refused, are a click away."""
        back = self.receive(self.announce(self.sold(), 3), 2, refused=1)
        self.assertEqual(back.return_rest_count, 2)
        rest = back.return_rest_ids
        self.assertEqual(
            rest, back.backorder_ids | back.move_ids.returned_move_ids.picking_id
        )
        self.assertEqual(back.action_view_return_rest()["res_model"], "stock.picking")
        rest.action_cancel()
        self.assertFalse(back.return_rest_count)

    def test_no_number(self):
        back = self.announce(self.sold(), 3)
        for name in ("scrap", "repair", "refused"):
            with self.subTest(name), self.assertRaises(UserError), self.cr.savepoint():
                back.move_ids.write({f"return_{name}_qty": float("nan")})
