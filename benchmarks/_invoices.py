"""Invoices to measure with: the same at every run, in every database."""

import random
from datetime import timedelta

from odoo import Command, fields

USER = "benchmark"
CUSTOMERS = 1000
PRODUCTS = 40


def prepare(env, args):
    """Make invoices from sales orders: ``args.documents`` of ``args.lines`` lines.

    Two VAT rates, 1,000 customers, 40 storable products, dollars.

    :param env: of the superuser
    """
    chance = random.Random(2019)
    env = env(context={"tracking_disable": True})
    _make_user(env)
    customers = _make_customers(env)
    products = _make_products(env)
    last_month = fields.Date.today() - timedelta(days=30)
    plans = [
        (
            chance.choice(customers),
            [
                (product, chance.randint(2, 9), chance.choice((0, 0, 0, 10)))
                for product in chance.sample(list(products), args.lines)
            ],
        )
        for _number in range(args.documents)
    ]
    for position in range(0, len(plans), 50):
        orders = env["sale.order"].create(
            [_order_values(*plan) for plan in plans[position : position + 50]]
        )
        orders.action_confirm()
        for number, order in enumerate(orders, position):
            invoice = order._create_invoices()
            invoice.write({"ref": f"BENCH-{number:05}", "invoice_date": last_month})
        orders.invoice_ids.action_post()
        env.flush_all()
    env.cr.execute("ANALYZE")  # a database in use has its statistics


def find(env, count):
    """Return the first ``count`` invoices made by ``prepare``, in their order."""
    return env["account.move"].search(
        [("move_type", "=", "out_invoice"), ("ref", "=like", "BENCH-%")],
        order="ref",
        limit=count,
    )


def _make_user(env):
    groups = ("account.group_account_invoice", "sales_team.group_sale_salesman")
    env["res.users"].with_context(no_reset_password=True).create(
        {
            "name": "Benchmark",
            "login": USER,
            "group_ids": [Command.link(env.ref(group).id) for group in groups],
        }
    )


def _make_customers(env):
    return env["res.partner"].create(
        [
            {
                "name": f"Customer {number}",
                "email": f"customer{number}@example.com",
            }
            for number in range(CUSTOMERS)
        ]
    )


def _make_products(env):
    company = env.company
    template = env["account.tax"].search(
        [("type_tax_use", "=", "sale"), ("company_id", "=", company.id)], limit=1
    )
    rates = env["account.tax"]
    for rate in (20.0, 5.5):
        grid = env["account.account.tag"].create(
            {"name": f"VAT {rate}", "applicability": "taxes"}
        )
        tax = template.copy({"name": f"VAT {rate} %", "amount": rate})
        for lines in (
            tax.invoice_repartition_line_ids,
            tax.refund_repartition_line_ids,
        ):
            lines.tag_ids = grid
        rates |= tax
    return env["product.product"].create(
        [
            {
                "name": f"Product {number}",
                "default_code": f"P{number:03}",
                "type": "consu",
                "is_storable": True,
                "invoice_policy": "order",
                "list_price": 3.99 + 7 * number,
                "taxes_id": [Command.set(rates[number % 3 == 0].ids)],
            }
            for number in range(PRODUCTS)
        ]
    )


def _order_values(customer, lines):
    return {
        "partner_id": customer.id,
        "order_line": [
            Command.create(
                {
                    "product_id": product.id,
                    "product_uom_qty": quantity,
                    "discount": discount,
                }
            )
            for product, quantity, discount in lines
        ],
    }
