"""Reminders: the preview of a run, the letters, and OCA's account_credit_control.

5,000 customers with 20,000 open lines. The preview is held against one plain
``_read_group`` over the same lines, and against the run of OCA's addon, which is
fetched from PyPI and installed in the same database; where it cannot be had, that is
said.

Options: customers=5000; letters=200 (how many are sent); oca=0 leaves OCA out.
"""

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields

import odoo.addons

NEEDS_SERVER = True  # wkhtmltopdf fetches the styles from it
LINES = 4
OCA = "odoo-addon-account-credit-control>=19.0.0a,<19.1"


def prepare(env, args):
    """Make customers with four open invoices each, most of them overdue."""
    count = int(args.option.get("customers", 5000))
    env = env(context={"tracking_disable": True})
    customers = env["res.partner"].create(
        [
            {
                "name": f"Debtor {number:05}",
                "is_company": number % 3 > 0,
                "email": f"debtor{number}@example.com",
                "street": f"Street {number}",
                "city": "Town",
            }
            for number in range(count)
        ]
    )
    invoice = env["account.move"].create(
        {
            "move_type": "out_invoice",
            "partner_id": customers[0].id,
            "invoice_date": fields.Date.today() - timedelta(days=100),
            "invoice_payment_term_id": False,
            "invoice_line_ids": [
                Command.create(
                    {"name": "Goods", "price_unit": 100, "tax_ids": [Command.clear()]}
                )
            ],
        }
    )
    invoice.action_post()
    env.flush_all()
    _copy(env, invoice, customers)
    env.cr.execute("ANALYZE")


def _copy(env, invoice, customers):
    """Copy a posted invoice in SQL: posting 20,000 takes half an hour."""
    env.cr.execute(
        "CREATE TEMP TABLE copies AS"
        " SELECT nextval('account_move_id_seq')::int AS move, partner, number,"
        " (CURRENT_DATE - 5 - (partner * 7 + number * 31) %% 90)::date AS due"
        " FROM unnest(%s) partner, generate_series(1, %s) number",
        [customers.ids, LINES],
    )
    _insert(
        env,
        "account_move",
        "copies JOIN account_move origin ON origin.id = %s",
        invoice.id,
        {
            "id": "copies.move",
            "name": "'BENCH/' || copies.move",
            "sequence_number": "copies.move",
            "sequence_prefix": "'BENCH/'",
            "payment_reference": "'BENCH/' || copies.move",
            "partner_id": "copies.partner",
            "commercial_partner_id": "copies.partner",
            "partner_shipping_id": "copies.partner",
            "invoice_date_due": "copies.due",
            "access_token": "NULL",
        },
    )
    _insert(
        env,
        "account_move_line",
        "copies JOIN account_move_line origin ON origin.move_id = %s",
        invoice.id,
        {
            "id": "nextval('account_move_line_id_seq')",
            "move_id": "copies.move",
            "move_name": "'BENCH/' || copies.move",
            "partner_id": "copies.partner",
            "date_maturity": "CASE WHEN origin.date_maturity IS NULL THEN NULL"
            " ELSE copies.due END",
        },
    )
    env.invalidate_all()


def _insert(env, table, source, origin, changed):
    env.cr.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        " AND is_generated = 'NEVER'",
        [table],
    )
    columns = [name for (name,) in env.cr.fetchall()]
    values = [changed.get(name, f'origin."{name}"') for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    env.cr.execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {source}",
        [origin],
    )


def preview(env):
    """Make a run and its preview, as the accountant does."""
    run_ = env["account.reminder.run"].create({})
    run_._prepare()
    return run_


def run(env, args):
    env["ir.config_parameter"].set_param("report.url", args.base_url)
    today = fields.Date.today()
    lines = [
        ("company_id", "=", env.company.id),
        ("parent_state", "=", "posted"),
        ("account_id.account_type", "=", "asset_receivable"),
        ("reconciled", "=", False),
        ("date_maturity", "<", today),
    ]
    # What is overdue by customer and currency, and since when: the least from which
    # a preview could be made. Nothing of it says which level an invoice is at.
    sums = [
        "amount_residual_currency:sum",
        "amount_residual:sum",
        "date_maturity:min",
        "__count",
    ]
    count = env["account.move.line"].search_count(lines)
    due = env["account.reminder.due"]
    ways = {
        "one plain _read_group": lambda: env["account.move.line"]._read_group(
            lines, ["partner_id", "currency_id"], sums
        ),
        "the preview: who gets which letter": lambda: due._execute(
            due._get_letters_query(env.company, today)
        ),
        "the same, kept as letters": lambda: preview(env),
    }
    times = {name: [] for name in ways}
    for number in range(args.rounds + 1):
        for name, way in ways.items():
            env.flush_all()
            env.invalidate_all()
            start, queries = time.perf_counter(), env.cr.sql_log_count
            with contextlib.closing(env.cr.savepoint(flush=False)):
                way()
                env.flush_all()
                taken = time.perf_counter() - start, env.cr.sql_log_count - queries
            env.invalidate_all()
            if number:
                times[name].append(taken)
    base = statistics.median(wall for wall, _sql in times["one plain _read_group"])
    run_ = preview(env)
    print(
        f"{count} open lines, {len(run_.letter_ids)} letters; median of {args.rounds}"
    )
    for name, taken in times.items():
        wall = statistics.median(wall for wall, _sql in taken)
        print(
            f"  {name:36} {wall * 1000:8.0f} ms  {taken[-1][1]:4} SQL"
            f"  {wall / base:5.1f} ×"
        )
    send(env, args, run_)
    if int(args.option.get("oca", 1)):
        beside_oca(env, base)


def send(env, args, run_):
    """Send letters in batches of 50 and say what one takes, and the memory."""
    letters = run_.letter_ids[: int(args.option.get("letters", 200))]
    report = type(env["ir.actions.report"])
    original, calls = report._run_wkhtmltopdf, []

    def counted(self, bodies, *more, **options):
        start = time.perf_counter()
        try:
            return original(self, bodies, *more, **options)
        finally:
            calls.append((len(bodies), time.perf_counter() - start))

    letters.level_id.attach_invoices = False
    print(f"{len(letters)} letters sent, in batches of 50")
    with patch.object(report, "_run_wkhtmltopdf", counted):
        for position in range(0, len(letters), 50):
            batch = letters[position : position + 50]
            start, queries = time.perf_counter(), env.cr.sql_log_count
            batch._write_own({"state": "queued"})
            batch._send()
            env.flush_all()
            env.cr.flush()
            wall = time.perf_counter() - start
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(
                f"  {wall / len(batch) * 1000:6.1f} ms a letter, of which wkhtmltopdf"
                f" {sum(t for _n, t in calls) / len(batch) * 1000:5.1f};"
                f" {(env.cr.sql_log_count - queries) / len(batch):5.1f} SQL;"
                f" {len(calls)} PDF calls; {memory} MB at most"
            )
            calls.clear()
            env.invalidate_all()


def beside_oca(env, base):
    """Install OCA's addon from PyPI and let it find the same lines."""
    with tempfile.TemporaryDirectory() as folder:
        ways = (["uv", "pip"], [sys.executable, "-m", "pip"])
        for way in ways:
            with contextlib.suppress(OSError):
                subprocess.run(
                    [*way, "install", "-q", "--no-deps", "--target", folder, OCA],
                    capture_output=True,
                    check=False,
                )
        if not os.path.isdir(f"{folder}/odoo/addons/account_credit_control"):
            print("OCA's account_credit_control: not to be had for 19.0 from PyPI here")
            return
        odoo.addons.__path__.append(f"{folder}/odoo/addons")
        modules = env["ir.module.module"]
        modules.update_list()
        modules.search(
            [("name", "=", "account_credit_control")]
        ).button_immediate_install()
        env = env(user=env.uid)
        env.transaction.reset()
        _run_oca(env, base)


def _run_oca(env, base):
    policy = env["credit.control.policy"].search([("do_nothing", "=", False)], limit=1)
    policy.account_ids = env["account.account"].search(
        [("account_type", "=", "asset_receivable")]
    )
    env.company.credit_policy_id = policy
    env.flush_all()
    control = env["credit.control.run"].create(
        {"date": fields.Date.today(), "policy_ids": [Command.set(policy.ids)]}
    )
    start, queries = time.perf_counter(), env.cr.sql_log_count
    control.generate_credit_lines()
    env.flush_all()
    wall = time.perf_counter() - start
    print(
        f"OCA account_credit_control: {len(control.line_ids)} lines found in"
        f" {wall * 1000:.0f} ms, {env.cr.sql_log_count - queries} SQL,"
        f" {wall / base:.0f} × the plain _read_group"
    )
