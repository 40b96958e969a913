{
    "name": "Avoir: Credit Notes, Returns and Reminders",
    "summary": "Partial credit notes, returns and marketplace refunds, "
    "never more than was invoiced",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "The avoir founders",
    "license": "LGPL-3",
    "depends": ["sale_stock", "stock_account"],
    "external_dependencies": {"python": ["lxml", "requests"]},
    "data": [
        "security/avoir_security.xml",
        "security/ir.model.access.csv",
    ],
    "demo": [],
    "installable": True,
    "application": True,
}
