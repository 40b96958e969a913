from odoo import fields, models


class StockWarehouse(models.Model):
    _inherit = "stock.warehouse"

    return_repair_location_id = fields.Many2one(
        "stock.location",
        "Returns to Repair",
        check_company=True,
        domain="[('usage', '=', 'internal'), ('company_id', '=', company_id)]",
        help="Where goods are put that customers returned and that are to be repaired."
        " Left empty, a place is made when the first ones come.",
    )

    def _get_return_repair_location(self):
        """The place for goods to repair, made where there is none yet.

        :return: ``stock.location`` inside this warehouse
        """
        self.ensure_one()
        # sudo: who receives goods makes no locations
        warehouse = self.sudo()
        if not warehouse.return_repair_location_id:
            warehouse.return_repair_location_id = (
                self.env["stock.location"]
                .sudo()
                .create(
                    {
                        "name": self.env._("Returns to Repair"),
                        "usage": "internal",
                        "location_id": warehouse.view_location_id.id,
                        "company_id": warehouse.company_id.id,
                    }
                )
            )
        return self.env["stock.location"].browse(warehouse.return_repair_location_id.id)
