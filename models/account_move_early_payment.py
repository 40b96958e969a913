from odoo import models

from ..tools.credit import ChargeLine


class AccountMove(models.Model):
    """Early payment discounts, on invoices that are credited."""

    _inherit = "account.move"

    def _prepare_early_payment_charges(self):
        """Return what a full credit keeps back of a discount taken at payment.

        The customer who paid 1176 of 1200 gets 1176 back: the discount is taken back
        on its own account and with the taxes that it reduced (ACCOUNTING.md case 12;
        VAT directive 2006/112 art. 90).

        :return: list of ``ChargeLine``, in the currency of the invoice
        """
        self.ensure_one()
        company = self.company_id
        accounts = (
            company.account_journal_early_pay_discount_loss_account_id
            | company.account_journal_early_pay_discount_gain_account_id
        )
        charges = []
        for line, part in self._early_payment_parts():
            for discount in line.move_id.line_ids - line:
                if discount.account_id not in accounts:
                    continue
                amount = self.currency_id.round(abs(discount.amount_currency) * part)
                charges.append(
                    ChargeLine(
                        None,
                        amount,
                        name=self.env._("Early payment discount taken"),
                        account=discount.account_id,
                        taxes=discount.tax_ids,
                    )
                )
        return charges

    def _early_payment_parts(self):
        """Return the journal items that paid this invoice, with the part that it has
        in the discount booked with each."""
        terms = self.line_ids.filtered(lambda line: line.display_type == "payment_term")
        partials = terms.matched_debit_ids | terms.matched_credit_ids
        payments = (partials.debit_move_id | partials.credit_move_id) - terms
        parts = []
        for line in payments:
            if line.move_id not in self.reversal_move_ids:
                discounts = line._early_payment_discounts()
                own = sum(discounts.get(term, 0.0) for term in terms)
                if own:
                    parts.append((line, own / sum(discounts.values())))
        return parts

    # -- part credits ------------------------------------------------------------------

    def _is_eligible_for_early_payment_discount(self, currency, reference_date):
        """A part credit does not cost the customer the discount on the rest.

        Core refuses the discount once anything is reconciled with the invoice, be it
        its own credit note.
        """
        if super()._is_eligible_for_early_payment_discount(currency, reference_date):
            return True
        terms = self.line_ids.filtered(lambda line: line.display_type == "payment_term")
        limit = terms[:1].discount_date
        return (
            terms._is_credited_only()
            and self.currency_id == currency
            and self.move_type in self._early_payment_discount_move_types()
            and self.invoice_payment_term_id.early_discount
            and (
                not reference_date
                or not self.invoice_date
                or bool(limit and reference_date <= limit)
            )
        )

    def _get_invoice_counterpart_amls_for_early_payment_discount_per_payment_term_line(
        self,
    ):
        """Book the discount on what the credit notes leave, not on the whole."""
        result = super()._get_invoice_counterpart_amls_for_early_payment_discount_per_payment_term_line()  # noqa: E501
        terms = self.line_ids.filtered(lambda line: line.display_type == "payment_term")
        for term in terms.filtered(lambda line: line._is_credited_only()):
            booked = [
                values
                for kind in ("base_lines", "term_lines", "tax_lines")
                for values in result[kind][term].values()
            ]
            if not booked:
                continue
            for name, discount in term._early_payment_discount_left().items():
                # Core puts what its shares lack of the whole discount on one line.
                surplus = sum(values[name] for values in booked) - discount
                max(booked, key=lambda values, n=name: abs(values[n]))[name] -= surplus
        return result


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _early_payment_discounts(self):
        """Return the discount that each payment term paid by this line was entitled to.

        One payment may pay several invoices, with and without a discount.

        :return: ``{account.move.line: amount}``, in the company's currency
        """
        self.ensure_one()
        discounts = {}
        for partial in self.matched_debit_ids | self.matched_credit_ids:
            term = (partial.debit_move_id | partial.credit_move_id) - self
            if term.discount_date and self.date <= term.discount_date and term.balance:
                share = abs(1 - term.discount_balance / term.balance)
                discounts[term] = discounts.get(term, 0.0) + partial.amount * share
        return discounts

    def _is_credited_only(self):
        """Tell whether credit notes of their invoice, and nothing else, are reconciled
        with these payment terms."""
        matched = self.matched_debit_ids.debit_move_id
        matched |= self.matched_credit_ids.credit_move_id
        return bool(matched) and matched.move_id <= self.move_id.reversal_move_ids

    def _early_payment_discount_left(self):
        """Return the discount on what is open of this payment term.

        :return: ``amount_currency`` and ``balance``, signed as the term, rounded
        """
        self.ensure_one()
        part = (
            self.amount_residual_currency / self.amount_currency
            if self.amount_currency
            else 0.0
        )
        discount = self.amount_currency - self.discount_amount_currency
        discount_balance = self.balance - self.discount_balance
        return {
            "amount_currency": self.currency_id.round(discount * part),
            "balance": self.company_currency_id.round(discount_balance * part),
        }

    def _get_installments_data(self, *args, **kwargs):
        installments = super()._get_installments_data(*args, **kwargs)
        for installment in installments:
            line = installment["line"]
            if (
                installment["type"] == "early_payment_discount"
                and line._is_credited_only()
            ):
                discount = line._early_payment_discount_left()
                sign = line.move_id.direction_sign
                open_currency = (
                    line.amount_residual_currency - discount["amount_currency"]
                )
                open_company = line.amount_residual - discount["balance"]
                installment.update(
                    amount_residual_currency=open_currency,
                    amount_residual=open_company,
                    amount_residual_currency_unsigned=-sign * open_currency,
                    amount_residual_unsigned=-sign * open_company,
                    discount_amount_currency=discount["amount_currency"],
                    discount_amount=discount["balance"],
                )
        return installments
