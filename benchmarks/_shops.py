"""Shops with orders that were delivered and invoiced, and refunds that wait."""

import json
import random
from datetime import timedelta

import _invoices

from odoo import Command, fields

SHOPS = 2
CODE = "shopify"
BATCH = 200


def prepare(env, args):
    """Make what ``args.documents`` and as many returns again need, and older moves.

    Options: pair=N returns for the two workers (default: as many), core=N for Odoo's
    own wizards, old=N older documents.
    """
    chance = random.Random(2020)
    env = env(context={"tracking_disable": True})
    env.company.restrictive_audit_trail = True
    _invoices._make_user(env)
    customers = _invoices._make_customers(env)
    products = _invoices._make_products(env)
    shops = [_make_shop(env, number) for number in range(SHOPS)]
    total = args.documents + count_pair(args) + count_core(args)
    for position in range(0, total, BATCH):
        numbers = range(position, min(position + BATCH, total))
        _sell(env, args, chance, shops, customers, products, numbers)
        env.cr.commit()
        if position % 1000 == 0:
            print(f"  {position} of {total} orders", flush=True)
    _make_older(env, int(args.option.get("old", 0)))
    env.cr.execute("ANALYZE")


def count_pair(args):
    return int(args.option.get("pair", args.documents))


def count_core(args):
    return min(int(args.option.get("core", 100)), args.documents)


def _make_shop(env, number):
    """An account with a journal and a warehouse of its own."""
    company = env.company
    journal = env["account.journal"].create(
        {"name": f"Shop {number}", "code": f"SHOP{number}", "type": "sale"}
    )
    warehouse = env["stock.warehouse"].create(
        {"name": f"Shop {number}", "code": f"SH{number}", "company_id": company.id}
    )
    account = env["marketplace.account"].create(
        {
            "name": f"Shop {number}",
            "code": CODE,
            "base_url": f"https://shop-{number}.myshopify.com",
            "webhook_secret": "benchmark",
            "approval": "auto",
            "journal_id": journal.id,
            "warehouse_id": warehouse.id,
            "refund_reason_id": env.ref("avoir.refund_reason_return").id,
            "poll_interval": 0,
        }
    )
    return account, journal, warehouse


def _sell(env, args, chance, shops, customers, products, numbers):
    """Orders of these numbers, of different customers, delivered and invoiced."""
    buyers = chance.sample(list(customers), len(numbers))
    orders = env["sale.order"].create(
        [
            {
                "partner_id": buyer.id,
                "client_order_ref": f"{500000 + number}",
                "warehouse_id": shops[number % SHOPS][2].id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "product_uom_qty": chance.randint(2, 5),
                        }
                    )
                    for product in chance.sample(list(products), args.lines)
                ],
            }
            for number, buyer in zip(numbers, buyers, strict=True)
        ]
    )
    orders.action_confirm()
    for move in orders.picking_ids.move_ids:
        move.quantity = move.product_uom_qty
        move.picked = True
    orders.picking_ids._action_done()
    invoices = orders._create_invoices()
    last_month = fields.Date.today() - timedelta(days=30)
    for shop, number in ((shop, number) for number, shop in enumerate(shops)):
        mine = invoices.filtered(
            lambda move, number=number: (
                int(move.invoice_line_ids.sale_line_ids.order_id.client_order_ref) % 2
                == number
            )
        )
        mine.write({"journal_id": shop[1].id, "invoice_date": last_month})
    invoices.action_post()
    env.flush_all()
    env.invalidate_all()


def deliver(env, first, count):
    """Store the deliveries of so many refunds, as the webhook does, and commit."""
    accounts = env["marketplace.account"].search([("name", "=like", "Shop %")])
    refs = [str(500000 + number) for number in range(first, first + count)]
    for position in range(0, count, 500):
        orders = env["sale.order"].search(
            [("client_order_ref", "in", refs[position : position + 500])]
        )
        for account in accounts:
            mine = orders.filtered(
                lambda order, account=account: (
                    order.warehouse_id == account.warehouse_id
                )
            )
            env["marketplace.message"]._insert_once(
                account.id,
                account.company_id.id,
                [_delivery(order) for order in mine],
            )
        env.cr.commit()
        env.invalidate_all()


def _delivery(order):
    from odoo.addons.avoir.connectors.notices import IncomingEvent

    data = refund(order)
    key = f"refund:{data['id']}"
    return (
        IncomingEvent(event_key=key, topic="refunds/create"),
        json.dumps(data).encode(),
        "",
    )


def refund(order):
    """One piece of the first line comes back and is paid back."""
    line = order.order_line[0]
    invoiced = line.invoice_lines
    currency = order.currency_id.name
    tax = round(
        (invoiced.price_total - invoiced.price_subtotal) / line.product_uom_qty, 2
    )
    net = round(invoiced.price_subtotal / line.product_uom_qty, 2)

    def money(amount):
        told = {"amount": f"{amount:.2f}", "currency_code": currency}
        return {"shop_money": told, "presentment_money": told}

    number = int(order.client_order_ref)
    return {
        "id": number + 1000000,
        "order_id": number,
        "created_at": "2026-03-02T11:15:30+01:00",
        "processed_at": "2026-03-02T11:15:30+01:00",
        "note": "Too small",
        "restock": True,
        "refund_shipping_lines": [],
        "refund_line_items": [
            {
                "id": number + 2000000,
                "quantity": 1,
                "line_item_id": line.id,
                "restock_type": "return",
                "subtotal": net,
                "total_tax": tax,
                "subtotal_set": money(net),
                "total_tax_set": money(tax),
                "line_item": {
                    "id": line.id,
                    "title": line.product_id.name,
                    "sku": line.product_id.default_code,
                    "gift_card": False,
                    "price": f"{net:.2f}",
                    "quantity": int(line.product_uom_qty),
                    "tax_lines": [{"title": "VAT", "rate": 0.2, "price": f"{tax:.2f}"}],
                },
            }
        ],
        "transactions": [
            {
                "id": number + 3000000,
                "order_id": number,
                "kind": "refund",
                "status": "success",
                "amount": f"{net + tax:.2f}",
                "currency": currency,
            }
        ],
        "order_adjustments": [],
    }


def _make_older(env, count):
    """Copy invoices of last month, lines included, as documents of years ago."""
    while count > 0:
        count -= _copy_moves(env, count)


def _copy_moves(env, count):
    env.cr.execute(
        "SELECT id FROM account_move WHERE move_type = 'out_invoice'"
        " AND state = 'posted' ORDER BY id LIMIT %s",
        [count],
    )
    ids = [id_ for (id_,) in env.cr.fetchall()]
    env.cr.execute("SELECT coalesce(max(id), 0) FROM account_move")
    offset = env.cr.fetchone()[0]
    _copy(
        env,
        "account_move",
        ids,
        {
            "id": f"id + {offset}",
            "name": f"'OLD/{offset}/' || id",
            "access_token": "NULL",
            "date": "date - 700",
            "invoice_date": "invoice_date - 700",
            "secure_sequence_number": "NULL",
            "inalterable_hash": "NULL",
        },
    )
    env.cr.execute("SELECT id FROM account_move_line WHERE move_id = ANY(%s)", [ids])
    lines = [id_ for (id_,) in env.cr.fetchall()]
    _copy(
        env,
        "account_move_line",
        lines,
        {
            "id": "nextval('account_move_line_id_seq')",
            "move_id": f"move_id + {offset}",
            "move_name": f"'OLD/{offset}/' || move_id",
            "date": "date - 700",
            "full_reconcile_id": "NULL",
        },
    )
    env.cr.execute(
        "SELECT setval('account_move_id_seq', (SELECT max(id) FROM account_move))"
    )
    return len(ids)


def _copy(env, table, ids, changes):
    env.cr.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        " AND is_generated = 'NEVER'",
        [table],
    )
    names = [name for (name,) in env.cr.fetchall()]
    values = ", ".join(changes.get(name, f'"{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    env.cr.execute(
        f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table}"
        " WHERE id = ANY(%s)",
        [ids],
    )
