"""The outside world, in pure Python: nothing in here imports Odoo (a test guards it).

A marketplace is one class in `marketplaces/`, one line in its registry, payloads in
`tests/payloads/` with a test, and a record of `marketplace.account` in Odoo.
"""
