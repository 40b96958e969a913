"""./dev/test-extra: tests with modules that avoir does not depend on.

Purchases, kits, repairs and so on are Odoo's own; the queue is OCA's `queue_job`, from
PyPI. All are installed into a database of its own, kept for the next run; `--fresh`
makes it again.
"""

import argparse

from . import paths, runtime, shell, steps, testing, venv, wkhtml
from .databases import Databases

MODULES = (
    "purchase_stock",
    "sale_mrp",
    "stock_dropshipping",
    "repair",
    "mrp_subcontracting",
    "queue_job",
)
PACKAGES = ("odoo-addon-queue-job==19.0.2.4.0.1", "openupgradelib==3.13.7")


def main(arguments):
    parser = argparse.ArgumentParser(prog="./dev/test-extra", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="make the database again")
    parser.add_argument("tests", nargs="*", default=["avoir_extra/avoir"])
    options = parser.parse_args(arguments)
    steps.once("extra", steps.digest(*PACKAGES), fetch, "queue_job", paths.EXTRA)
    databases = Databases(runtime.prepare())
    name = f"avoir_extra_{steps.digest(*MODULES, *PACKAGES)}"
    if options.fresh:
        databases.drop(name)
    if not databases.exists(name):
        make(databases, name)
    return testing.main(["--db", name, "--update", *options.tests])


def fetch():
    pip = [wkhtml.pip_python(), "-m", "pip", "install", "--disable-pip-version-check"]
    shell.run(
        [*pip, "--no-deps", "--target", paths.EXTRA, *PACKAGES],
        "fetching queue_job",
        venv.ADVICE,
    )
    link = paths.ADDONS / "queue_job"
    link.unlink(missing_ok=True)
    link.symlink_to(paths.EXTRA / "odoo" / "addons" / "queue_job")


def make(databases, name):
    half = f"{name}_half"
    databases.drop(half)
    installed, _log = databases.installed()
    databases.copy(installed, half)
    options = ["-i", ",".join(MODULES), "--no-http", "--stop-after-init"]
    databases.odoo(half, *options, label="installing more modules")
    databases.rename(half, name)
