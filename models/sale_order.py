from odoo import api, fields, models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    credit_note_count = fields.Integer(compute="_compute_credit_note_count")

    @api.depends("order_line.invoice_lines.move_id.state")
    def _compute_credit_note_count(self):
        for order in self:
            order.credit_note_count = len(order._get_credit_notes())

    def _get_credit_notes(self):
        """Return the credit notes of these orders, those refused or cancelled left
        out."""
        return self.invoice_ids.filtered(
            lambda move: move.move_type == "out_refund" and move.state != "cancel"
        )

    @api.readonly
    def action_view_credit_notes(self):
        """Open the credit notes of these orders."""
        credit_notes = self._get_credit_notes()
        action = self.env["ir.actions.actions"]._for_xml_id(
            "account.action_move_out_refund_type"
        )
        action["context"] = {"default_move_type": "out_refund", "create": False}
        action["domain"] = [("id", "in", credit_notes.ids)]
        if len(credit_notes) == 1:
            action["views"] = [(False, "form")]
            action["res_id"] = credit_notes.id
        return action

    def _compute_invoice_status(self):
        """An order is fully invoiced too when some of its lines were credited whole,
        for good, and the rest is invoiced."""
        result = super()._compute_invoice_status()
        for order in self:
            if order.state != "sale" or order.invoice_status != "no":
                continue
            lines = order.order_line._filter_invoiced_by_quantity()
            invoiced = lines.filtered(lambda line: line.invoice_status == "invoiced")
            others = lines - invoiced
            if invoiced and all(line._is_credited_whole() for line in others):
                order.invoice_status = "invoiced"
        return result

    # ------------------------------------------------------------------
    # Credit notes for what came back
    # ------------------------------------------------------------------

    def _create_invoices(self, grouped=False, final=False, date=None):
        """Join the credit notes that come of it to the invoices they credit.

        Orders of which goods came back and nothing else is to be invoiced get one
        draft credit note for each invoice, at the invoice's prices, taxes and rate.
        Where core sets returns off against goods to invoice, in one document, and it
        comes out as a credit note, that is no reversal of an invoice: only its lines
        are joined.
        """
        if not final:
            return super()._create_invoices(grouped=grouped, final=final, date=date)
        credit_notes = self._create_credit_notes_for_returns()
        orders = self
        if credit_notes:
            orders = self.with_context(raise_if_nothing_to_invoice=False)
        moves = super(SaleOrder, orders)._create_invoices(
            grouped=grouped, final=final, date=date
        )
        self._join_credit_lines(
            moves.sudo().filtered(lambda move: move.move_type == "out_refund")
        )
        return moves | credit_notes.with_env(moves.env)

    def _create_credit_notes_for_returns(self):
        """Create the draft credit notes for what came back of these orders.

        :return: the credit notes, one for each invoice concerned; none for orders
            that have goods or down payments to invoice besides
        """
        credit_notes = self.env["account.move"]
        if not credit_notes.has_access("create") and not self.has_access("write"):
            return credit_notes
        lines = self.env["sale.order.line"].sudo()
        for order in self.sudo():
            invoiceable = order._get_invoiceable_lines(final=True).filtered(
                lambda line: not line.display_type
            )
            if all(
                line.qty_to_invoice < 0 and not line.is_downpayment
                for line in invoiceable
            ):
                lines |= invoiceable
        requests = lines._prepare_credit_requests()
        if requests:
            credit_notes = credit_notes.sudo()._create_credit_notes(
                requests, post=False
            )
            self._log_credit_note_origin(credit_notes)
        return credit_notes

    @api.model
    def _log_credit_note_origin(self, credit_notes):
        """Name the orders on their credit notes, as core does on invoices."""
        credit_notes._message_log_batch(
            bodies={
                move.id: self.env["ir.qweb"]._render(
                    "mail.message_origin_link",
                    {"self": move, "origin": move.line_ids.sale_line_ids.order_id},
                )
                for move in credit_notes
            }
        )

    def _join_credit_lines(self, credit_notes):
        """Join the lines of credit notes that core made to the lines they credit.

        :param credit_notes: draft ``account.move`` of type ``out_refund``
        """
        lines = credit_notes.invoice_line_ids.filtered(
            lambda line: (
                line.sale_line_ids
                and not line.is_downpayment
                and line.product_uom_id
                and line.quantity > 0
            )
        )
        joined = lines.browse()
        for line in lines:
            origin = line.sale_line_ids[0]._find_credited_line(line)
            if origin:
                line.reversed_line_id = origin
                joined |= line
        joined.move_id.invoice_again = False
