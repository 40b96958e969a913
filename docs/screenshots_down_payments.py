"""Orders for the pictures of docs/down_payments.md, in the French company of the demo.

Fed to Odoo's shell by `docs/screenshots.sh`; prints `name=value` lines that it reads.
"""

company = env.ref("avoir.demo_company_fr")  # noqa: F821 - of Odoo's shell
env = env(context={"allowed_company_ids": company.ids})  # noqa: F821
CUSTOMER = env["res.partner"].create(
    {
        "name": "Salon Mercier",
        "is_company": True,
        "email": "compta@example.com",
        "street": "8 quai Saint-Antoine",
        "zip": "69002",
        "city": "Lyon",
        "country_id": env.ref("base.fr").id,
    }
)


def order(teapots=10, **values):
    """A confirmed order of 1,000.00, 1,200.00 with VAT: teapots, and work."""
    names = {"teapot": teapots, "installation": 10 - teapots}
    lines = [
        {
            "product_id": env.ref(f"avoir.demo_product_{name}").id,
            "product_uom_qty": quantity,
            "price_unit": 100,
        }
        for name, quantity in names.items()
        if quantity
    ]
    one = env["sale.order"].create(
        {
            "partner_id": CUSTOMER.id,
            "warehouse_id": env.ref("avoir.demo_warehouse_fr").id,
            "user_id": env.ref("avoir.demo_user_sales").id,
            "order_line": [(0, 0, line) for line in lines],
            **values,
        }
    )
    one.action_confirm()
    return one


def invoice(one, percent=None):
    """Post a down payment, or the invoice that deducts them."""
    values = {"advance_payment_method": "delivered"}
    if percent:
        values = {"advance_payment_method": "percentage", "amount": percent}
    wizard = env["sale.advance.payment.inv"].create(
        {"sale_order_ids": [(6, 0, one.ids)], **values}
    )
    wizard.create_invoices()
    move = one.invoice_ids.filtered(lambda move: move.state == "draft")
    move.action_post()
    return move


def pay(move):
    env["account.payment.register"].with_context(
        active_model="account.move", active_ids=move.ids
    ).create({})._create_payments()


open_order = order()
pay(invoice(open_order, 30))
part_order = order(teapots=6)
for part in (30, 20):
    pay(invoice(part_order, part))
final = invoice(part_order)
steps_order = order(
    teapots=7, payment_schedule_id=env.ref("avoir.payment_schedule_30_40_30").id
)
pay(invoice(steps_order, 30))
steps_order.picking_ids.button_validate()
env.cr.commit()
print(f"open_order={open_order.id}")
print(f"part_order={part_order.id}")
print(f"final={final.id}")
print(f"steps_order={steps_order.id}")
print(f"portal='{steps_order.get_portal_url()}'")
