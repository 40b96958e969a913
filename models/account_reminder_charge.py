from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..tools.credit import CreditRequest


class AccountReminderLetter(models.Model):
    """Fees, interest and indemnities booked on a document of their own.

    Never on the invoice that is late. They bear no VAT: they make good a damage and
    pay for no delivery (Court of Justice, 222/81 BAZ Bausystem, for the interest).
    """

    _inherit = "account.reminder.letter"

    def _book_charges(self):
        """Book what the levels charge: one document a letter, once a line and level."""
        values = {}
        for letter in self:
            lines = letter._get_lines_to_charge()
            if letter.charge_move_id or not lines:
                continue
            commands = letter._prepare_charge_lines(lines)
            if commands:
                values[letter] = letter._prepare_charge(commands)
        if not values:
            return
        moves = self.env["account.move"].create(list(values.values()))
        moves.action_post()
        for letter, move in zip(values, moves, strict=True):
            letter._write_own({"charge_move_id": move.id})
            # sudo: lines are what was found, nobody types them in
            letter._get_lines_to_charge().sudo().charged = True

    def _get_lines_to_charge(self):
        return self.line_ids.filtered(
            lambda line: (
                line.level_id.charge_mode == "book"
                and (line.fee or line.interest or line.indemnity)
            )
        )

    def _prepare_charge(self, commands):
        self.ensure_one()
        return {
            "move_type": "out_invoice",
            "company_id": self.company_id.id,
            "partner_id": self.contact_id.id,
            "currency_id": self.currency_id.id,
            "invoice_date": self.date,
            "invoice_payment_term_id": False,
            "invoice_date_due": self.pay_before,
            "invoice_origin": self.name,
            "is_reminder_charge": True,
            "invoice_line_ids": commands,
        }

    def _prepare_charge_lines(self, lines):
        """Return the lines of a charge, in the company's currency and without VAT."""
        self.ensure_one()
        letter = self.with_context(lang=self._get_lang())
        commands = []
        for line in lines.with_context(lang=letter.env.lang):
            number = line.move_id.name
            interest = line.currency_id._convert(
                line.interest, self.currency_id, self.company_id, self.date
            )
            for kind, amount, label in (
                ("fee", line.fee, letter.env._("%s: costs", letter.name)),
                (
                    "interest",
                    interest,
                    letter.env._(
                        "Interest on %(invoice)s: %(days)s days at %(rate)s %%",
                        invoice=number,
                        days=line.interest_days,
                        rate=letter._format_rate(line.interest_rate),
                    ),
                ),
                (
                    "indemnity",
                    line.indemnity,
                    letter.env._("Fixed indemnity for %(invoice)s", invoice=number),
                ),
            ):
                if not self.currency_id.is_zero(amount):
                    product = self.env.ref(f"avoir.product_reminder_{kind}")
                    commands.append(
                        Command.create(
                            {
                                "product_id": product.id,
                                "name": label,
                                "quantity": 1,
                                "price_unit": amount,
                                "tax_ids": [Command.clear()],
                            }
                        )
                    )
        return commands

    def action_waive(self):
        """Ask why the charges of this letter are given up."""
        self.ensure_one()
        if not self.charge_move_id or self.waived_move_id:
            raise UserError(
                self.env._("%s: there is nothing charged to waive.", self.display_name)
            )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Waive the Charges"),
            "res_model": "account.reminder.waive",
            "view_mode": "form",
            "target": "new",
            "context": {"default_letter_id": self.id},
        }

    def _waive(self, reason, note):
        """Credit what was charged, with the reason.

        :return: the credit note
        :raises UserError: when it was waived before
        """
        self.lock_for_update()
        self.invalidate_recordset(["waived_move_id"])
        if not self.charge_move_id or self.waived_move_id:
            raise UserError(
                self.env._("%s: there is nothing charged to waive.", self.display_name)
            )
        credit_note = self.env["account.move"]._create_credit_notes(
            [
                CreditRequest(
                    self.charge_move_id,
                    values={
                        "refund_reason_id": reason.id,
                        "refund_note": note,
                        "invoice_date": fields.Date.context_today(self),
                    },
                )
            ],
            post=True,
        )
        self._write_own({"waived_move_id": credit_note.id})
        self._message_log(
            body=self.env._("The charges were waived: %s", credit_note._get_html_link())
        )
        return credit_note
