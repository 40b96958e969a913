"""Invoices for the pictures of the guide, in the Dutch company of the demo data.

Fed to Odoo's shell by `docs/screenshots.sh`; prints `name=id` lines that it reads.
"""

from odoo import fields

company = env.ref("avoir.demo_company_nl")  # noqa: F821 - of Odoo's shell
env = env(context={"allowed_company_ids": company.ids})  # noqa: F821
FIRST_DAY = fields.Date.subtract(fields.Date.today(), days=12)
HELMET, BELL, SHIPPING = (
    env.ref(f"avoir.demo_product_{name}") for name in ("helmet", "bell", "postnl")
)
CUSTOMER = env["res.partner"].create(
    {
        "name": "Fietsenmaker Zuid BV",
        "is_company": True,
        "vat": "NL123456782B12",
        "email": "boekhouding@example.com",
        "street": "Maliebaan 40",
        "zip": "3581 CR",
        "city": "Utrecht",
        "country_id": env.ref("base.nl").id,
    }
)


def order(*lines):
    return env["sale.order"].create(
        {
            "partner_id": CUSTOMER.id,
            "warehouse_id": env.ref("avoir.demo_warehouse_nl").id,
            "order_line": [
                (0, 0, {"product_id": product.id, "product_uom_qty": quantity})
                for product, quantity in lines
            ],
        }
    )


def invoices(count):
    """Invoices of 5 helmets, 4 bells and shipping, each delivered and of an order."""
    orders = env["sale.order"].union(
        *(order((HELMET, 5), (BELL, 4), (SHIPPING, 1)) for _ in range(count))
    )
    orders.action_confirm()
    orders.picking_ids.button_validate()
    moves = env["account.move"]
    for days, one in enumerate(orders, 1):
        move = one._create_invoices()
        # On days of their own, or Odoo takes them for duplicates of each other.
        move.invoice_date = fields.Date.subtract(FIRST_DAY, days=-days)
        moves |= move
    moves.action_post()
    return moves


def pay(invoice):
    env["account.payment.register"].with_context(
        active_model="account.move", active_ids=invoice.ids
    ).create({})._create_payments()


NAMES = (
    "lines",
    "price",
    "amount",
    "cancel",
    "redraft",
    "fee",
    "approve",
    "one",
    "two",
)
made = dict(zip(NAMES, invoices(len(NAMES)), strict=True))
pay(made["redraft"])
reason = env.ref("avoir.refund_reason_goodwill")
reason.write({"approval_amount": 100})
# Somebody who makes credit notes and approves none.
clerk = (
    env["res.users"]
    .with_context(no_reset_password=True)
    .create(
        {
            "name": "Bo Visser (billing)",
            "login": "billing",
            "password": "billing",
            "email": "billing@example.com",
            "company_id": company.id,
            "company_ids": [(6, 0, company.ids)],
            "group_ids": [
                (4, env.ref("base.group_user").id),
                (4, env.ref("account.group_account_invoice").id),
            ],
        }
    )
)
env.cr.commit()
for name, move in made.items():
    print(f"{name}={move.id}")
for name in ("one", "two"):
    print(f"{name}_name={made[name].name}")
returns = env["marketplace.return"].sudo()
told = (
    ("unmatched", "#1999"),
    ("differs", "2005"),
    ("goods", "#1007"),
    ("done_", "#1001"),
)
for name, ref in told:
    found = returns.search([("order_ref", "=", ref)], limit=1)
    print(f"{name}={found.id}")
    if name == "goods":
        print(f"receipt={found.picking_ids[:1].id}")
account = env.ref("avoir.demo_account_shopify")
print(f"account={account.id}")
