from decimal import Decimal

from odoo.tests import tagged

from odoo.addons.avoir.connectors.documents import (
    Address,
    Buyer,
    DocumentLine,
    InvoiceNotice,
    OrderNotice,
)

from .marketplace_common import NOON, FakeShop, MarketplaceCommon


@tagged("post_install", "-at_install")
class TestMarketplaceDocument(MarketplaceCommon):
    """Invoices and orders of a shop that are taken over."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.document_tax_ids = cls.vat20 | cls.vat20_included
        cls.account.journal_id = cls.company_data["default_journal_sale"].copy(
            {"name": "Shop", "code": "SHOP"}
        )

    def bought(self, sku="CHAIR", quantity=2, price="60.00", **values):
        quantity = Decimal(quantity)
        return DocumentLine(
            **{
                "external_id": f"row:{sku}",
                "sku": sku,
                "title": sku.title(),
                "quantity": quantity,
                "unit_price": Decimal(price),
                "tax_rate": Decimal(20),
                "total": self.money(Decimal(price) * quantity),
                **values,
            }
        )

    def document(self, *lines, cls=InvoiceNotice, total="120.00", **values):
        lines = lines or (self.bought(),)
        return cls(
            **{
                "external_id": "invoice:1",
                "number": "F2026-10",
                "order_number": "O-77",
                "order_external_id": "77",
                "issued_at": NOON,
                "currency": self.company.currency_id.name,
                "lines": lines,
                "total": self.money(total),
                "payment_label": "iDEAL",
                "buyer": Buyer(
                    email="anna@example.com",
                    invoice_address=Address(
                        name="Anna", city="Gent", country_code="be"
                    ),
                ),
                **values,
            }
        )

    def taken(self, *notices, key="event"):
        message = self.message(*notices, key=key)
        self.cron("read")
        self.assertEqual(message.state, "done", message.error)
        return message.document_ids

    def refused(self, notice, error, key="bad"):
        message = self.message(notice, key=key)
        self.cron("read")
        self.assertEqual(message.state, "error")
        self.assertRegex(message.error, error)
        self.assertFalse(message.document_ids)
        return message

    # -- invoices ----------------------------------------------------------------

    def test_invoice_as_it_is(self):
        self.account.number_from = "invoice"
        move = self.taken(self.document(status="unpaid")).move_id
        self.assertRecordValues(
            move,
            [
                {
                    "state": "posted",
                    "move_type": "out_invoice",
                    "name": "F2026-10",
                    "ref": "O-77",
                    "amount_total": 120,
                    "amount_untaxed": 100,
                    "journal_id": self.account.journal_id.id,
                    "marketplace_payment_method": "iDEAL",
                }
            ],
        )
        self.assertEqual(move.invoice_date, NOON.date())
        self.assertEqual(move.invoice_line_ids.product_id, self.chair)
        self.assertEqual(move.partner_id.country_id.code, "BE")
        again = self.taken(
            self.document(
                external_id="invoice:2", number="F2026-11", order_number="O-78"
            ),
            key="2",
        )
        self.assertEqual(again.move_id.partner_id, move.partner_id)

    def test_what_is_taken_over_is_never_altered(self):
        document = self.taken(self.document())
        changed = self.document(self.bought(quantity=9), total="540.00")
        self.assertFalse(self.taken(changed, key="2"))
        self.assertEqual(document.move_id.amount_total, 120)

    def test_order_number(self):
        self.account.number_from = "order"
        self.assertEqual(self.taken(self.document()).move_id.name, "O-77")
        self.refused(self.document(external_id="invoice:2"), "O-77 already")

    def test_rounded_otherwise_by_the_shop(self):
        """A cent of tax: the shop's total holds."""
        line = self.bought(quantity=3, price="10.01", taxes_included=False)
        notice = self.document(line, total="36.05", tax=self.money("6.02"))
        move = self.taken(notice).move_id
        self.assertEqual((move.amount_untaxed, move.amount_total), (30.03, 36.05))
        self.assertEqual(move.amount_tax, 6.02)

    def test_what_does_not_add_up_waits(self):
        self.refused(self.document(total="125.00"), "does not add up")
        line = self.bought(taxes_included=False)
        message = self.refused(
            self.document(line, total="150.00"), "150.00.*144.00", key="b2"
        )
        self.assertFalse(self.env["account.move"].search([("ref", "=", "O-77")]))
        FakeShop.notices["b2"] = [self.document()]
        message.action_retry()
        self.cron("read")
        self.assertEqual(message.document_ids.move_id.amount_total, 120)

    def test_tax_that_is_not_here(self):
        line = self.bought(tax_rate=Decimal("9"))
        self.refused(self.document(line), "no sales tax of 9 %")

    def test_product_that_is_not_here(self):
        """The content of the invoice leads; an order is to be delivered."""
        line = self.bought("UNKNOWN")
        self.refused(self.document(line), "no product here.*default account")
        self.account.journal_id.default_account_id = self.company_data[
            "default_journal_sale"
        ].default_account_id
        move = self.taken(self.document(line), key="2").move_id
        self.assertEqual(move.invoice_line_ids.name, "Unknown")
        order = self.document(line, cls=OrderNotice, external_id="sale:1")
        self.refused(order, "no product has the SKU", key="order")

    # -- credit notes ----------------------------------------------------------------

    def credit(self, *lines, total="120.00", **values):
        values = {
            "external_id": "invoice:5",
            "number": "F2026-14",
            "kind": "credit",
            "reversed_external_id": "invoice:1",
            **values,
        }
        return self.document(*lines, total=total, **values)

    def test_credit_is_joined_to_its_invoice(self):
        self.account.number_from = "invoice"
        invoice = self.taken(self.document()).move_id
        part = self.taken(self.credit(self.bought(quantity=1), total="60.00"), key="2")
        self.assertRecordValues(
            part.move_id,
            [
                {
                    "move_type": "out_refund",
                    "state": "posted",
                    "name": "F2026-14",
                    "reversed_entry_id": invoice.id,
                    "amount_total": 60,
                    "refund_reason_id": self.reason.id,
                }
            ],
        )
        self.assertEqual(invoice.amount_residual, 60)
        self.assertEqual(
            part.move_id.invoice_line_ids.reversed_line_id, invoice.invoice_line_ids
        )

    def test_credit_by_order_and_whole(self):
        invoice = self.taken(self.document()).move_id
        self.taken(self.credit(reversed_external_id=""), key="2")
        self.assertEqual(invoice.payment_state, "reversed")
        over = self.credit(self.bought(quantity=1), total="60.00", external_id="x")
        self.refused(over, ".")

    def test_credit_before_its_invoice(self):
        message = self.refused(self.credit(), "not here")
        self.taken(self.document(), key="2")
        message.action_retry()
        self.cron("read")
        self.assertTrue(message.document_ids.move_id)

    # -- gaps ------------------------------------------------------------------------

    def test_gaps(self):
        self.taken(self.document())
        gone = self.document(
            external_id="invoice:2", number="F2026-11", order_missing=True
        )
        document = self.taken(gone, key="2")
        self.assertTrue(document.is_gap)
        self.assertFalse(document.move_id)
        self.taken(self.document(external_id="invoice:3", number="F2026-15"), key="3")
        self.env.flush_all()
        gaps = self.env["marketplace.gap"].search(
            [("account_id", "=", self.account.id)], order="first"
        )
        self.assertRecordValues(
            gaps,
            [
                {"first": "F2026-11", "last": "F2026-11", "count": 1},
                {"first": "F2026-12", "last": "F2026-14", "count": 3},
            ],
        )
        self.assertEqual(gaps.mapped("reason"), ["deleted", "unknown"])

    def test_gaps_of_zeros_and_of_other_ranges(self):
        """Leading zeros are kept; a range far away does not break the report."""
        numbers = ["F008", "F011", "F202600000001"]
        for place, number in enumerate(numbers):
            document = self.document(
                external_id=f"invoice:{place}", number=number, order_missing=True
            )
            self.taken(document, key=str(place))
        self.env.flush_all()
        gaps = self.env["marketplace.gap"].search(
            [("account_id", "=", self.account.id), ("reason", "=", "unknown")],
            order="count",
        )
        self.assertEqual((gaps[0].first, gaps[0].last), ("F009", "F010"))
        self.assertEqual(gaps[1].count, 2**31 - 1)

    # -- orders ------------------------------------------------------------------------

    def test_order_and_its_return(self):
        notice = self.document(cls=OrderNotice, external_id="sale:77", number="O-77")
        order = self.taken(notice).sale_order_id
        self.assertEqual((order.state, order.amount_total), ("sale", 120))
        self._deliver(order)
        self._bill(order)
        refund = self.told(
            self.notice(
                self.line("CHAIR", 1, 50, goods_expected=False),
                total=60,
                order_refs=("O-77",),
                order_external_id="77",
            ),
            key="2",
        )
        self.assertState(refund, "done")
        self.assertEqual(refund.sale_order_id, order)
        self.assertEqual(refund.credit_note_ids.amount_total, 60)
