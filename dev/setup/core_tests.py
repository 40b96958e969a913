"""./dev/test-core: Odoo's own tests of what avoir extends, with avoir installed.

The same tests are run without avoir too (kept until Odoo or the dependencies change):
only what fails because of avoir is a failure.
"""

import argparse
import json
import time

from . import addon, databases, paths, results, runners, runtime, steps
from .ui import Problem, say

# The reversal, the down payment, the return wizard, and what their documents do.
FILES = {
    "account": [
        "test_account_move_out_refund",
        "test_account_move_in_refund",
        "test_account_move_entry",
        "test_account_move_date_algorithm",
        "test_account_inalterable_hash",
    ],
    "sale": [
        "test_sale_refund",
        "test_sale_to_invoice",
        "test_taxes_downpayment",
        "test_sale_order",
    ],
    "stock": ["test_stock_return_picking"],
    "stock_account": ["test_account_move"],
    "sale_stock": [
        "test_sale_stock",
        "test_anglo_saxon_valuation",
        "test_anglo_saxon_valuation_reconciliation",
    ],
}

# Everything else that could notice: several times as long.
WIDER = {
    "account": [
        "test_account_move_out_invoice",
        "test_account_move_in_invoice",
        "test_account_move_send",
        "test_account_invoice_report",
        "test_account_payment_register",
        "test_early_payment_discount",
        "test_payment_term",
        "test_sequence_mixin",
    ],
    "sale": ["test_sale_report", "test_accrued_sale_orders", "test_credit_limit"],
    "stock": ["test_move2"],
    "stock_account": ["test_stockvaluationlayer"],
}

# After everything is loaded, or tests that Odoo runs in the middle of loading would
# never see avoir.
SCRIPT = """
import logging
from odoo.tests.shell import run_tests
logging.getLogger().setLevel(logging.INFO)
run_tests(env, {tags!r}, modules={modules!r})
"""


def main(arguments):
    parser = argparse.ArgumentParser(prog="./dev/test-core", description=__doc__)
    parser.add_argument("--wide", action="store_true", help="more of them, much slower")
    parser.add_argument("tags", nargs="*", help="Odoo test tags instead of the list")
    options = parser.parse_args(arguments)
    ready = runtime.prepare()
    tags = options.tags or known_tags(ready.odoo, options.wide)
    store = databases.Databases(ready)
    baseline = without_avoir(ready, store, tags)
    template, _log = store.installed()
    found = run(ready, store, template, "with avoir", tags)
    return conclude(found, baseline)


def known_tags(odoo, wide):
    """The files of the list that are there; a package may come without its tests."""
    lists = [FILES, WIDER] if wide else [FILES]
    wanted = [
        f"{module}/tests/{name}.py"
        for files in lists
        for module, names in files.items()
        for name in names
    ]
    folders = [odoo.package / "addons", *odoo.addons]
    there = [name for name in wanted if any((f / name).exists() for f in folders)]
    missing = set(wanted) - set(there)
    if missing:
        say(f"  not in this Odoo: {' '.join(sorted(missing))}")
    if not there:
        raise Problem("this Odoo came without its tests: use ODOO_PATH=<checkout>")
    return [f"/{name}" for name in there]


def without_avoir(ready, store, tags):
    """What fails in plain Odoo already."""
    deps = store.deps()
    kept = paths.TEMPLATES / f"core-{steps.digest(deps, *tags)}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    result = run(ready, store, deps, "without avoir", tags)
    kept.write_text(json.dumps(sorted(result.failures)))
    say(f"without avoir: {results.closing_line([result])}")
    return sorted(result.failures)


def run(ready, store, template, label, tags):
    name = databases.run_name("core")
    log = runners.logs() / f"core-{label.replace(' ', '-')}.log"
    modules = sorted(set(addon.dependencies()) | set(FILES))
    script = SCRIPT.format(tags=",".join(tags), modules=modules)
    started = time.monotonic()
    store.copy(template, name)
    try:
        store.odoo(
            name,
            *("shell", "--max-cron-threads", "0", *runtime.ports()),
            label=f"Odoo's own tests, {label}",
            log=log,
            stdin=script,
        )
    finally:
        store.drop(name)
    result = results.Result(label, log=log, seconds=time.monotonic() - started)
    text = log.read_text(errors="replace")
    return results.read_odoo_tests(result, text)


def conclude(found, baseline):
    """Only what fails because of avoir counts; what fails anyway is named apart."""
    if not found.started:
        raise Problem(f"no test ran: {found.log}")
    for name in set(found.failures) & set(baseline):
        say(f"fails without avoir too: {name}")
        del found.failures[name]
        if name not in found.others:
            found.skipped[name] = "fails without avoir too"
    results.report([found], say)
    say(f"\n{found.seconds:.0f} s; all of it: {found.log}")
    say(results.closing_line([found]))
    return int(found.failed > 0)
