# Pure helpers, imported by name: nothing of Odoo registers here.
