from datetime import date, timedelta
from unittest.mock import patch

from odoo import Command, fields

from .common import AvoirCommon


class ReminderCommon(AvoirCommon):
    """Late invoices of a business, and its plan of three levels."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.today = fields.Date.today()
        cls.company.country_id = cls.env.ref("base.fr")
        cls.partner.write(
            {
                "email": "wassenaar@example.com",
                "is_company": True,
                "street": "Kade 3",
                "zip": "1234 AB",
                "city": "Wassenaar",
            }
        )
        cls.accountant = cls._new_user(
            "reminder_accountant", "account.group_account_invoice"
        )
        cls.law = cls.env.ref("avoir.reminder_law_fr")
        cls.law.rate_ids.unlink()
        cls.law.write(
            {
                "rate_ids": [Command.create({"date": "2000-01-01", "rate": 10.0})],
                "indemnity": 40.0,
            }
        )
        cls.plan = cls.company.reminder_plan_business_id
        cls.plan.write({"law_id": cls.law.id, "gap": 7, "minimum_amount": 5})
        cls.level1, cls.level2, cls.level3 = cls.plan.level_ids

    @classmethod
    def _late(cls, days, amount=100.0, **values):
        """An invoice of ``amount`` without VAT that is ``days`` overdue."""
        due = cls.today - timedelta(days=days)
        return cls._invoice(
            [(1, amount, cls.env["account.tax"])],
            **{
                "invoice_date": due - timedelta(days=1),
                "invoice_date_due": due,
                "invoice_payment_term_id": False,
                **values,
            },
        )

    @classmethod
    def _customer(cls, name, **values):
        return cls.env["res.partner"].create(
            {
                "name": name,
                "is_company": True,
                "email": f"{name.replace(' ', '').lower()}@example.com",
                **values,
            }
        )

    @classmethod
    def _pay(cls, invoice, amount=None):
        register = cls.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        )
        register.create({"amount": amount} if amount else {})._create_payments()

    @classmethod
    def _run(cls, when=None, **values):
        """A preview, made by the accountant."""
        run = (
            cls.env["account.reminder.run"]
            .with_user(cls.accountant)
            .create({"date": when or cls.today, **values})
        )
        run.action_prepare()
        return run

    @classmethod
    def _sent(cls, days_ago, **values):
        """A run that was sent so many days ago."""
        when = cls.today - timedelta(days=days_ago)
        with patch.object(fields.Date, "context_today", lambda *_args: when):
            run = cls._run(when, **values)
            run.action_send()
        return run

    def _receive(self, invoice):
        """Book the payment of an invoice at the bank and return the entry."""
        owed = invoice.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        )
        amount = sum(owed.mapped("amount_residual"))
        accounts = (self.company_data["default_account_revenue"], owed.account_id)
        entry = self.env["account.move"].create(
            {
                "journal_id": self.company_data["default_journal_misc"].id,
                "date": self.today,
                "line_ids": [
                    Command.create(
                        {
                            "account_id": account.id,
                            "partner_id": self.partner.id,
                            "balance": sign * amount,
                        }
                    )
                    for account, sign in zip(accounts, (1, -1), strict=True)
                ],
            }
        )
        entry.action_post()
        paid = entry.line_ids.filtered(lambda line: line.account_id == owed.account_id)
        (owed + paid).reconcile()
        return entry

    def _terms_twice(self, *days):
        return self.env["account.payment.term"].create(
            {
                "name": "Twice",
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 50, "nb_days": number}
                    )
                    for number in days
                ],
            }
        )

    def _letter(self, run, partner=None):
        return run.letter_ids.filtered(
            lambda letter: letter.partner_id == (partner or self.partner)
        )

    def _told(self, letter):
        """What a letter says: invoice, level's number, open, interest, indemnity."""
        return [
            (
                line.move_id.name,
                line.step if line.level_id else None,
                line.amount_residual,
                line.interest,
                line.indemnity,
            )
            for line in letter._get_told()
        ]


def leap_day():
    return date(2028, 2, 29)


__all__ = ["Command", "ReminderCommon", "leap_day"]
