from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import LazyTranslate

# Where importers keep the number of the marketplace's order, the surest first.
ORDER_FIELDS = (
    "marketplace_order_ref",
    "client_order_ref",
    "name",
    "origin",
    "reference",
)
ORDERS = Domain("state", "=", "sale")
INVOICES = Domain("state", "=", "posted") & Domain("move_type", "=", "out_invoice")
INVOICE_FIELDS = ("ref", "payment_reference", "invoice_origin", "name")

_lt = LazyTranslate(__name__)


class MarketplaceReturn(models.Model):
    _inherit = "marketplace.return"

    @api.model
    def _match_again(self):
        """Try those again that could not be matched: their order may be here by now."""
        self._run_queue(
            Domain("state", "=", "unmatched")
            & Domain("next_try", "<=", fields.Datetime.now()),
            lambda returns: returns._step_match(),
        )

    def _step_match(self):
        """Find order, order lines and invoice of each return; what cannot be found is
        said in ``missing`` and waits for a person, or for the order to come."""
        unmatched = {}
        for company, returns in self._by_company():
            ambiguous = returns._match_orders(company)
            returns._match_lines()
            for record in returns:
                if missing := record._get_missing_match(ambiguous.get(record)):
                    unmatched[record] = missing
        self._set_unmatched(unmatched)
        matched = self - self.browse().union(*unmatched)
        matched._set_state("matched")
        matched._step_approve()

    @api.model
    def _set_unmatched(self, missing):
        """Leave returns to a person, and try again later.

        :param missing: ``{return: list of texts}``
        """
        returns = self.browse().union(*missing)
        returns.filtered(lambda r: r.state != "unmatched")._set_state("unmatched")
        self._stop(missing)
        for attempts, some in returns.grouped("attempts").items():
            some.attempts = attempts + 1
            some.next_try = some[0]._get_next_try()

    # ------------------------------------------------------------------
    # The order
    # ------------------------------------------------------------------

    def _match_orders(self, company):
        """Find the orders, or the invoices where no order is kept, by their number.

        :return: ``{return: records}`` where there are several to choose from
        """
        ambiguous = {}
        for model, domain, names, target in (
            ("sale.order", ORDERS, ORDER_FIELDS, "sale_order_id"),
            ("account.move", INVOICES, INVOICE_FIELDS, "invoice_id"),
        ):
            wanting = self.filtered(
                lambda r: not r.sale_order_id and not r.invoice_id
            ).filtered(lambda r: r not in ambiguous)
            refs = {ref for record in wanting for ref in record._get_order_refs()}
            if not refs:
                break
            found = self.env[model].search(
                Domain("company_id", "=", company.id)
                & domain
                & Domain.OR(Domain(name, "in", list(refs)) for name in names)
            )
            by_value = _by_values(found, names)
            for record in wanting:
                candidates = record._pick(by_value, names)
                if len(candidates) == 1:
                    # Found by itself: only what a person chooses is tracked.
                    untracked = record.with_context(tracking_disable=True)
                    untracked[target] = candidates[0]
                elif candidates:
                    ambiguous[record] = candidates
        return ambiguous

    def _get_order_refs(self):
        """The numbers that the order may have here, the most exact first."""
        self.ensure_one()
        refs = [*(self.order_refs or []), self.order_external_id]
        return list(dict.fromkeys(ref for ref in refs if ref))

    def _pick(self, by_value, names):
        """The records that have a number of the order in the surest of the fields."""
        for name in names:
            for ref in self._get_order_refs():
                if found := by_value.get((name, ref)):
                    return found
        return []

    # ------------------------------------------------------------------
    # The lines
    # ------------------------------------------------------------------

    def _match_lines(self):
        """Find the order lines, or invoice lines, by the marketplace's id or SKU."""
        for record in self:
            taken = defaultdict(float)
            for line in record.line_ids:
                if line.sale_line_id or line.invoice_line_id:
                    taken[line.sale_line_id or line.invoice_line_id] += line.quantity
            for line in record.line_ids:
                if line._needs_match():
                    found = line._find_match(taken)
                    if found:
                        line._set_match(found)
                        taken[found] += line.quantity

    def _get_missing_match(self, ambiguous):
        """What a person has to fill in, as a list of texts."""
        if not self.sale_order_id and not self.invoice_id:
            return [self._get_missing_order(ambiguous)]
        if other := self._get_missing_other_invoice():
            return [other]
        missing = [
            _lt(
                "%(line)s: choose the order line. None has the SKU “%(sku)s”.",
                line=line.display_name,
                sku=line.sku or line.barcode or "",
            )
            for line in self.line_ids
            if line._needs_match() and not line._is_optional_match()
        ]
        if self.kind == "refund" and not missing:
            missing += filter(None, [self._get_missing_invoice()])
        return missing

    def _get_missing_other_invoice(self):
        """Why the invoice that was chosen cannot be the one, or None."""
        order, invoice = self.sale_order_id, self.invoice_id
        if not order or not invoice or invoice in order.invoice_ids:
            return None
        return _lt(
            "The invoice %(invoice)s is not of the sales order %(order)s. Choose one of"
            " its invoices, or leave one of the two empty.",
            invoice=invoice.name,
            order=order.name,
        )

    def _get_missing_order(self, ambiguous):
        refs = self._get_order_refs()
        if ambiguous:
            return _lt(
                "Choose the sales order or the invoice: several have the number"
                " %(ref)s: %(documents)s.",
                ref=refs[0],
                documents=", ".join(record.name for record in ambiguous),
            )
        if not refs:
            return _lt(
                "Choose the sales order: the marketplace does not tell which it is."
            )
        return _lt(
            "Choose the sales order: none that is confirmed has the number %(ref)s as"
            " customer reference, number or source document.",
            ref=refs[0],
        )

    def _get_missing_invoice(self):
        """Why the refund cannot be credited on an invoice, or None."""
        invoices = self._get_invoices()
        order = self.sale_order_id.name
        if not invoices:
            return _lt(
                "Invoice the sales order %(order)s: there is nothing to credit yet.",
                order=order,
            )
        if not self.line_ids.filtered("product_id") and len(invoices) > 1:
            return _lt(
                "Choose the invoice: an amount without lines was paid back, and the"
                " order has several: %(invoices)s.",
                invoices=", ".join(invoices.mapped("name")),
            )
        if not self._use_currency(invoices[0].currency_id):
            return _lt(
                "The amounts are in %(told)s and the invoice %(invoice)s is in"
                " %(currency)s. Credit it by hand, then close this.",
                told=self.currency_id.name or "?",
                invoice=invoices[0].name,
                currency=invoices[0].currency_id.name,
            )
        return None

    def _get_invoices(self):
        """The posted invoices that this return can be credited on."""
        self.ensure_one()
        if self.invoice_id:
            return self.invoice_id
        lines = self.line_ids.sale_line_id or self.sale_order_id.order_line
        invoices = lines.invoice_lines.move_id or self.sale_order_id.invoice_ids
        return invoices.filtered(
            lambda move: move.state == "posted" and move.move_type == "out_invoice"
        ).sorted(lambda move: (move.invoice_date, move.id))


class MarketplaceReturnLine(models.Model):
    _inherit = "marketplace.return.line"

    def _needs_match(self):
        """Whether the line stands for an order line that is not known yet."""
        self.ensure_one()
        return not (self.sale_line_id or self.invoice_line_id) and (
            self._has_something_to_credit() or self._is_announced_goods()
        )

    def _is_announced_goods(self):
        return self.kind in ("product", "gift_card") and self.quantity > 0

    def _is_optional_match(self):
        """A positive fee without an order line is spread over the invoice."""
        return self.kind in ("fee", "adjustment")

    def _set_match(self, found):
        name = "sale_line_id" if found._name == "sale.order.line" else "invoice_line_id"
        self[name] = found

    def _find_match(self, taken):
        """The order line, or invoice line, that this line takes back, or nothing.

        By the marketplace's id of the order line where it is kept, then by SKU or
        barcode; of several the first with enough left.
        """
        candidates = self._get_candidates()
        if self.order_line_ref and "marketplace_line_ref" in candidates._fields:
            by_ref = candidates.filtered(
                lambda line: line.marketplace_line_ref == self.order_line_ref
            )
            if by_ref:
                return by_ref[0]
        if self.kind == "shipping":
            return self._find_shipping(candidates)
        told = {code.strip().lower() for code in (self.sku, self.barcode) if code} - {
            ""
        }
        for candidate in candidates if told else ():
            codes = (candidate.product_id.default_code, candidate.product_id.barcode)
            if told.isdisjoint(code.lower() for code in codes if code):
                continue
            left = _get_ordered_quantity(candidate) - taken[candidate]
            if candidate.product_uom_id.compare(left, self.quantity) >= 0:
                return candidate
        return candidates.browse()

    def _get_candidates(self):
        record = self.return_id
        if record.sale_order_id:
            return record.sale_order_id.order_line.filtered(
                lambda line: not line.display_type and not line.is_downpayment
            )
        return record.invoice_id.invoice_line_ids.filtered(
            lambda line: line.display_type == "product"
        )

    def _find_shipping(self, candidates):
        """The shipping of an order: a delivery line, else its only service."""
        products = self.return_id.account_id.shipping_product_ids
        if products:
            return candidates.filtered(lambda line: line.product_id in products)[:1]
        if "is_delivery" in candidates._fields:
            delivery = candidates.filtered("is_delivery")
            if delivery:
                return delivery[0]
        services = candidates.filtered(lambda line: line.product_id.type == "service")
        return services if len(services) == 1 else candidates.browse()


def _by_values(records, names):
    """The records by ``(field name, value)``."""
    result = defaultdict(list)
    for record in records:
        for name in names:
            if record[name]:
                result[name, record[name]].append(record)
    return result


def _get_ordered_quantity(line):
    """The quantity of an order line or of an invoice line, in its own unit."""
    return line["product_uom_qty" if line._name == "sale.order.line" else "quantity"]
