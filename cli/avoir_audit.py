"""``odoo avoir_audit -d DATABASE``: check the audit journal from the command line."""

import sys

from odoo.api import SUPERUSER_ID, Environment
from odoo.cli import Command
from odoo.modules.registry import Registry
from odoo.tools import config


class AvoirAudit(Command):
    """Check the chain of avoir's audit journal, of every company.

    Exits with 0 when it is sound and with 1 when an entry was altered, removed or
    moved, which it names. Takes the options of the server (-d, -c, --db_host, …).
    """

    name = "avoir_audit"

    def run(self, args):
        config.parser.prog = self.prog
        config.parse_config([*args, "--no-http"], setup_logging=True)
        names = config["db_name"]
        if len(names) != 1:
            sys.exit("name one database: odoo avoir_audit -d DATABASE")
        with Registry(names[0]).cursor(readonly=True) as cr:
            entries = Environment(cr, SUPERUSER_ID, {})["audit.entry"]
            states = entries._check_chains()
            for state in states:
                mark = "ok" if state.is_sound else "ALTERED"
                sys.stdout.write(
                    f"{mark}: {entries._describe_state(state)}\n"
                    f"    last sound entry {state.number} {state.hash}\n"
                )
            if not states:
                sys.stdout.write("ok: the journal has no entries yet\n")
        sys.exit(not all(state.is_sound for state in states))
