from odoo import Command, fields
from odoo.tests import new_test_user

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from ..tools.credit import CreditLine, CreditRequest


class AvoirCommon(AccountTestInvoicingCommon):
    """Invoices to credit, and the three roles."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]
        cls.vat20 = cls._new_tax("VAT 20 %", 20.0)
        cls.vat5 = cls._new_tax("VAT 5.5 %", 5.5)
        cls.vat20_included = cls._new_tax(
            "VAT 20 % included", 20.0, price_include_override="tax_included"
        )
        cls.partner = cls.env["res.partner"].create({"name": "Wassenaar BV"})
        cls.reason = cls.env["account.refund.reason"].create(
            {"name": "Broken in transit", "code": "TEST"}
        )

    @classmethod
    def _new_tax(cls, name, amount, **values):
        return cls.env["account.tax"].create(
            {
                "name": name,
                "amount": amount,
                "type_tax_use": "sale",
                "company_id": cls.company.id,
                **values,
            }
        )

    @classmethod
    def _split_tax(cls, name, amount, *percents, **values):
        """Create a tax that books each of ``percents`` on an account of its own."""
        accounts = cls.env["account.account"].create(
            [
                {
                    "name": f"{name} {percent} %",
                    "code": f"{name.replace(' ', '')}{percent}".replace("-", "m"),
                    "account_type": "liability_current",
                }
                for percent in percents
            ]
        )
        repartition = [
            Command.clear(),
            Command.create({"repartition_type": "base"}),
            *(
                Command.create(
                    {
                        "repartition_type": "tax",
                        "factor_percent": percent,
                        "account_id": account.id,
                    }
                )
                for percent, account in zip(percents, accounts, strict=True)
            ),
        ]
        return cls._new_tax(
            name,
            amount,
            invoice_repartition_line_ids=repartition,
            refund_repartition_line_ids=repartition,
            **values,
        )

    @classmethod
    def _new_user(cls, login, groups):
        return new_test_user(
            cls.env,
            login=login,
            groups=groups,
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    @classmethod
    def _invoice(cls, lines, post=True, move_type="out_invoice", **values):
        """Create an invoice of ``(quantity, price, taxes)`` or of dictionaries."""
        commands = []
        for line in lines:
            if not isinstance(line, dict):
                quantity, price, taxes = line
                line = {"quantity": quantity, "price_unit": price, "tax_ids": taxes}
            taxes = line.get("tax_ids", cls.env["account.tax"])
            commands.append(
                Command.create(
                    {
                        "product_id": cls.product_a.id,
                        **line,
                        "tax_ids": [Command.set(taxes.ids)],
                    }
                )
            )
        move = cls.env["account.move"].create(
            {
                "move_type": move_type,
                "partner_id": cls.partner.id,
                "invoice_date": fields.Date.today(),
                "invoice_line_ids": commands,
                **values,
            }
        )
        if post:
            move.action_post()
        return move

    def _credit(self, invoice, *lines, post=True, **request):
        """Credit ``(line number, quantity[, amount])`` of ``invoice``."""
        credit_lines = [
            CreditLine(invoice.invoice_line_ids[number], *what)
            for number, *what in lines
        ]
        return self.env["account.move"]._create_credit_notes(
            [CreditRequest(invoice, credit_lines, **request)], post=post
        )

    def _booked(self, moves):
        """Return what ``moves`` book, by account, tax and tax grid."""
        totals = {}
        for line in moves.line_ids:
            if line.display_type in ("product", "tax", "payment_term"):
                key = (line.account_id.code, line.tax_line_id.name or "")
                currency, company = totals.get(key, (0.0, 0.0))
                totals[key] = (
                    round(currency + line.amount_currency, 6),
                    round(company + line.balance, 6),
                )
        return totals

    def _mirrored(self, moves):
        return {
            key: (round(-currency, 6), round(-company, 6))
            for key, (currency, company) in self._booked(moves).items()
        }
