"""Odoo, PostgreSQL, a browser and the tests for developing avoir.

Standard library only: this runs before anything has been installed. One subject a
file; `cli.py` lists the commands.
"""
