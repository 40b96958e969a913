"""Credit notes for the pictures of docs/audit.md, einvoice.md and oss_vies.md.

In the French company of the demo. Fed to Odoo's shell by `docs/screenshots.sh`; prints
`name=value` lines that it reads.
"""

company = env.ref("avoir.demo_company_fr")  # noqa: F821 - of Odoo's shell
env = env(  # noqa: F821
    user=env.ref("avoir.demo_user_accountant"),  # noqa: F821
    context={"allowed_company_ids": company.ids},
)
ADDRESS = {"street": "8 quai Saint-Antoine", "zip": "69002", "city": "Lyon"}


def customer(name, **values):
    """A business whose e-invoices are Factur-X."""
    return (
        env["res.partner"]
        .sudo()
        .create(
            {
                "name": name,
                "is_company": True,
                "invoice_edi_format": "facturx",
                **values,
            }
        )
    )


def credit(partner, tax, date):
    """Post an invoice of that day and credit it on 20 November."""
    line = {"name": "Teapot", "quantity": 3, "price_unit": 40, "tax_ids": tax.ids}
    move = env["account.move"].create(
        {
            "move_type": "out_invoice",
            "partner_id": partner.id,
            "invoice_date": date,
            "invoice_line_ids": [(0, 0, line)],
        }
    )
    move.action_post()
    reason = env["account.refund.reason"].search([], limit=1)
    note = move._reverse_moves(
        [
            {
                "refund_reason_id": reason.id,
                "invoice_date": "2026-11-20",
                "date": "2026-11-20",
            }
        ]
    )
    note.action_post()
    return note


def oss_tax(name, amount, country):
    """A tax of another member state."""
    return tax.sudo().copy(
        {"name": name, "amount": amount, "oss_country_id": env.ref(country).id}
    )


tax = env["account.tax"].search(
    [
        ("company_id", "=", company.id),
        ("type_tax_use", "=", "sale"),
        ("amount", "=", 20),
    ],
    limit=1,
)
whole = customer(
    "Maison Perrin",
    vat="FR23334175221",
    country_id=env.ref("base.fr").id,
    **ADDRESS,
)
frozen = credit(whole, tax, "2026-10-02")
missing = credit(customer("Atelier Roux"), tax, "2026-10-03")
german = oss_tax("19 % DE", 19, "base.de")
austrian = oss_tax("20 % AT", 20, "base.at")
for rate, date in (
    (german, "2026-05-03"),
    (german, "2026-02-03"),
    (austrian, "2022-02-03"),
    (austrian, "2026-10-08"),
):
    credit(whole, rate, date)
env.cr.commit()
print(f"frozen={frozen.id}")
print(f"missing={missing.id}")
print(f"audited={whole.id}")
