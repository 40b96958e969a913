"""The audit journal with real commits: two writers at once, a removed end, the command
line, and an uninstallation that keeps it."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from odoo_shell import answer, run, start  # noqa: E402

PREPARE = """
from odoo.fields import Command
company = env.company
if not company.chart_template:
    env["account.chart.template"].try_loading("generic_coa", company, False)
invoices = env["account.move"].create([{
    "move_type": "out_invoice",
    "partner_id": env["res.partner"].create({"name": name}).id,
    "invoice_line_ids": [Command.create({
        "name": "Desk", "quantity": 5, "price_unit": 100})],
} for name in ("Anna BV", "Bob BV")])
invoices.action_post()
env.cr.commit()
print("ANSWER", invoices.ids)
"""

# Each begins its transaction before the other commits; the first to write keeps its
# transaction open long after it has done its work, but for the journal.
WRITER = """
import json, os, time
from odoo.service.model import retrying
from odoo.addons.avoir.tools.credit import CreditRequest
attempts, folder = [], os.environ["MEETING_PLACE"]
invoice = env["account.move"].browse(int(os.environ["INVOICE_ID"]))
journals = env["account.journal"].search([("type", "=", "sale")])

def work():
    attempts.append(1)
    env["audit.entry"].search_count([])
    open(os.path.join(folder, os.environ["USER_NAME"]), "w").close()
    deadline = time.monotonic() + 120
    while len(os.listdir(folder)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    for number in range(5):
        invoice.copy({"move_type": "out_refund", "ref": str(number)})
    time.sleep(float(os.environ["PAUSE"]))

begun = time.monotonic()
retrying(work, env)
env.cr.commit()
print("ANSWER", json.dumps({
    "attempts": len(attempts), "seconds": time.monotonic() - begun}))
"""

STATE = """
import json
states = env["audit.entry"]._check_chains()
env.cr.execute("SELECT number FROM audit_entry_end")
ends = [row[0] for row in env.cr.fetchall()]
print("ANSWER", json.dumps({
    "sound": all(state.is_sound for state in states),
    "number": sum(state.number for state in states),
    "found": [state.finding and state.finding.number for state in states],
    "end": sum(ends),
}))
"""

UNINSTALL = """
env["ir.module.module"].search([("name", "=", "avoir")]).button_immediate_uninstall()
env.cr.execute("SELECT count(*) FROM audit_entry_kept")
print("ANSWER", env.cr.fetchone()[0])
"""

FORGE = """
try:
    env.cr.execute("DELETE FROM audit_entry_kept")
    print("ANSWER", 1)
except Exception as error:
    env.cr.rollback()
    print("ANSWER", 0)
"""

INSTALL = """
env["ir.module.module"].search([("name", "=", "avoir")]).button_immediate_install()
print("ANSWER", 1)
"""

REMOVE_END = """
env.cr.execute("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
env.cr.execute("DELETE FROM audit_entry WHERE id = (SELECT max(id) FROM audit_entry)")
env.cr.execute("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_refuse")
env.cr.commit()
print("ANSWER", 1)
"""


class TestAuditJournal(unittest.TestCase):
    def test_journal(self):
        invoice_ids = run(PREPARE)
        before = run(STATE)
        with tempfile.TemporaryDirectory() as meeting_place:
            writers = [
                start(
                    WRITER,
                    INVOICE_ID=str(invoice_id),
                    USER_NAME=name,
                    PAUSE=pause,
                    MEETING_PLACE=meeting_place,
                )
                for invoice_id, name, pause in zip(
                    invoice_ids, ("anna", "bob"), ("0", "8"), strict=True
                )
            ]
            anna, bob = (answer(writer) for writer in writers)
        # Nobody had to begin again, and anna did not wait for bob's long transaction.
        self.assertEqual((anna["attempts"], bob["attempts"]), (1, 1))
        self.assertLess(anna["seconds"], bob["seconds"] - 4)
        after = run(STATE)
        self.assertTrue(after["sound"])
        self.assertEqual(after["number"], before["number"] + 10)
        self.assertEqual(after["end"], after["number"])
        self.assertEqual(self._command_line(), 0)

        # Uninstalled and installed again, the journal goes on where it was.
        self.assertEqual(run(UNINSTALL), after["number"])
        self.assertEqual(run(FORGE), 0)
        run(INSTALL)
        again = run(STATE)
        self.assertTrue(again["sound"])
        self.assertGreaterEqual(again["number"], after["number"])

        # The last entry was removed: only what was remembered at the commit tells.
        run(REMOVE_END)
        self.assertEqual(run(STATE)["found"], [again["number"]])
        self.assertEqual(self._command_line(), 1)

    def _command_line(self):
        """Run the check from the command line and return how it ended."""
        command = json.loads(os.environ["AVOIR_ODOO_CMD"])
        done = subprocess.run(
            [*command, "avoir_audit", "-d", os.environ["AVOIR_TEST_DB"]],
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertIn("last sound entry", done.stdout, done.stderr[-3000:])
        return done.returncode


if __name__ == "__main__":
    unittest.main()
