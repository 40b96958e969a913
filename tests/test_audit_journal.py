import json
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import SQL

from ..tools.credit import CreditRequest
from .audit_common import AuditCommon


@tagged("post_install", "-at_install")
class TestAuditJournal(AuditCommon):
    """What the journal tells."""

    def test_credit_note(self):
        credit_note = self.env["account.move"].with_user(self.biller)
        credit_note = credit_note._create_credit_notes(
            [
                CreditRequest(
                    self.invoice.with_user(self.biller),
                    total=60.0,
                    values={
                        "refund_reason_id": self.reason.id,
                        "refund_note": "Two days late",
                    },
                )
            ]
        )
        created, posted = self._entries(credit_note)
        self.assertEqual((created.action, posted.action), ("created", "posted"))
        self.assertEqual(posted.user_id, self.biller)
        self.assertEqual(posted.res_name, credit_note.name)
        self.assertEqual(posted.reason, "Broken in transit")
        self.assertEqual(posted.note, "Two days late")
        after = json.loads(created.after)
        self.assertEqual(after["amount_total"], 60.0)
        self.assertEqual(
            after["reversed_entry_id"], [self.invoice.id, self.invoice.display_name]
        )
        self.assertEqual(
            json.loads(posted.after)["corrected_invoice_ids"],
            [[self.invoice.name, str(self.invoice.invoice_date)]],
        )
        self.assertIn("Two days late", created.changes)
        self.assertEqual(
            posted.with_user(self.auditor).action_open_document()["res_id"],
            credit_note.id,
        )

    def test_before_and_after(self):
        credit_note = self._credit(self.invoice, (0, 1.0), post=False)
        self.env.cr.flush()
        credit_note.refund_note = "Later"
        credit_note.invoice_line_ids.quantity = 2.0
        created, changed = self._entries(credit_note)
        self.assertEqual(changed.action, "changed")
        self.assertEqual(json.loads(changed.before)["amount_total"], 120.0)
        self.assertEqual(json.loads(changed.after)["amount_total"], 240.0)
        self.assertEqual(json.loads(changed.after)["refund_note"], "Later")
        line = self._entries(credit_note.invoice_line_ids)
        self.assertEqual(line.res_name, credit_note.name or f"*{credit_note.id}")
        self.assertEqual(json.loads(line.before)["quantity"], 1.0)
        self.assertEqual(json.loads(line.after)["quantity"], 2.0)

    def test_reset_cancelled_deleted(self):
        credit_note = self._credit(self.invoice, (0, 1.0))
        for method in ("button_draft", "button_cancel"):
            self.env.cr.flush()
            getattr(credit_note, method)()
        self.assertEqual(
            self._entries(credit_note).mapped("action"),
            ["created", "posted", "reset", "cancelled"],
        )
        draft = self._credit(self.invoice, (0, 1.0), post=False)
        self._entries(draft)
        ids, draft_id = draft.line_ids.ids, draft.id
        draft.unlink()
        entries = self._entries()
        told = entries.filtered(
            lambda e: e.res_model == "account.move" and e.res_id == draft_id
        )
        self.assertEqual(told.mapped("action"), ["created", "deleted"])
        self.assertEqual(json.loads(told[1].before)["amount_total"], 120.0)
        with self.assertRaisesRegex(UserError, "not in the database"):
            told[1].action_open_document()
        self.assertTrue(
            entries.filtered(lambda e: e.action == "deleted" and e.res_id in ids)
        )

    def test_nothing_is_nothing(self):
        """What never came to be, or did not change, is not told."""
        before = len(self._entries())
        self._credit(self.invoice, (0, 1.0), post=False).unlink()
        self.reason.name = self.reason.name
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            self._credit(self.invoice, (0, 1.0))
            self.env.cr.flush()
            raise ZeroDivisionError
        self.assertEqual(len(self._entries()), before)
        self.assertTrue(self._state().is_sound)

    def test_savepoints(self):
        """What was done before a savepoint is told though that is rolled back."""
        kept = self._credit(self.invoice, (0, 1.0))
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            lost = self._credit(self.invoice, (0, 1.0))
            lost_id = lost.id
            raise ZeroDivisionError
        also = self._credit(self.invoice, (0, 2.0))
        entries = self._entries()
        self.assertEqual(len(self._entries(kept | also)), 4)
        self.assertNotIn(lost_id, entries.mapped("res_id"))
        self.assertEqual(entries.mapped("number"), list(range(1, len(entries) + 1)))
        self.assertTrue(self._state().is_sound)

    def test_approved(self):
        self.reason.approval_amount = 10.0
        credit_note = (
            self.env["account.move"]
            .with_user(self.biller)
            ._create_credit_notes(
                [
                    CreditRequest(
                        self.invoice.with_user(self.biller),
                        values={"refund_reason_id": self.reason.id},
                    )
                ]
            )
        )
        self.env.cr.flush()
        credit_note.with_user(self.manager).action_approve_refund()
        entries = self._entries(credit_note)
        self.assertEqual(entries.mapped("action"), ["created", "approved", "posted"])
        self.assertEqual(entries[1].user_id, self.manager)
        policy = self._entries(self.reason).filtered(lambda e: e.action == "changed")
        self.assertEqual(json.loads(policy.after), {"approval_amount": 10.0})

    def test_refunded_and_undone(self):
        self._pay(self.invoice)
        credit_note = self._credit(self.invoice, (0, 1.0))
        payment = self._pay(credit_note)
        refunded = self._entries(credit_note)[-1]
        self.assertEqual(refunded.action, "refunded")
        after = json.loads(refunded.after)
        self.assertEqual(after["amount"], 120.0)
        self.assertEqual(after["payment"], payment.move_id.name)
        lines = credit_note.line_ids.filtered("reconciled")
        lines.remove_move_reconcile()
        self.assertEqual(self._entries(credit_note)[-1].action, "refund_undone")

    def _pay(self, move):
        return (
            self.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({})
            ._create_payments()
        )

    def test_printed_and_sent(self):
        credit_note = self._credit(self.invoice, (0, 1.0))
        report = self.env["ir.actions.report"]
        report._render_qweb_pdf("account.account_invoices", credit_note.ids)
        self.assertEqual(self._entries(credit_note)[-1].action, "printed")
        self.env["account.move.send"]._hook_if_success(
            {
                credit_note: {
                    "sending_methods": {"manual"},
                    "author_partner_id": self.env.user.partner_id.id,
                }
            }
        )
        sent = self._entries(credit_note)[-1]
        self.assertEqual(sent.action, "sent")
        self.assertEqual(json.loads(sent.after), {"sending_methods": ["manual"]})

    def test_policy_of_a_marketplace(self):
        account = self.env["marketplace.account"].create(
            {
                "name": "Shop",
                "code": "shopify",
                "company_id": self.company.id,
                "base_url": "https://shop.example.com",
            }
        )
        self.env.cr.flush()
        account.write({"tolerance": 3.5, "webhook_secret": "s3cr3t-value"})
        entries = self._entries(account)
        told = "".join(filter(None, entries.mapped("after")))
        self.assertIn('"tolerance": 3.5', told)
        self.assertIn('"webhook_secret": "•••"', told)
        self.assertNotIn("s3cr3t", told)

    def test_charge_of_a_reminder(self):
        """Letters are not told of until they charge something."""
        level = self.env["account.reminder.level"].search([], limit=1)
        level.fee = 12.5
        self.assertIn('"fee": 12.5', self._entries_of(level)[-1].after)
        letter = (
            self.env["account.reminder.letter"]
            .sudo()
            .create(
                {
                    "company_id": self.company.id,
                    "partner_id": self.partner.id,
                    "contact_id": self.partner.id,
                    "level_id": level.id,
                    "date": "2026-01-15",
                }
            )
        )
        self.assertFalse(self._entries_of(letter))
        letter.charge_move_id = self.invoice
        self.assertEqual(self._entries_of(letter).action, "charged")

    def _entries_of(self, record):
        return self._entries(record, company=record.company_id or self.env.company)

    def test_strange_texts(self):
        reason = self.env["account.refund.reason"].create(
            {"name": "É\N{SNOWMAN} \"'\\ \N{GRINNING FACE}", "code": "ODD"}
        )
        self._credit(
            self.invoice,
            (0, 1.0),
            values={"refund_reason_id": reason.id, "refund_note": "a\n\tb\r\u2028"},
        )
        self._entries()
        self.assertTrue(self._state().is_sound)

    def test_two_companies(self):
        other = self.env["res.company"].create({"name": "Other"})
        before = len(self._entries(company=other))
        self._three()
        self.env["account.refund.reason"].create(
            {"name": "Theirs", "code": "THEIRS", "company_id": other.id}
        )
        theirs = self._entries(company=other)
        self.assertEqual(len(theirs), before + 1)
        self.assertEqual(theirs.mapped("number"), list(range(1, before + 2)))
        self.assertTrue(self._state(other).is_sound)
        seen = self.journal.with_user(self.auditor).search([])
        self.assertEqual(seen.company_id, self.company)

    def test_roles(self):
        entries = self._three()
        entries.with_user(self.auditor).read(["changes", "hash"])
        with self.assertRaises(AccessError):
            self.journal.with_user(self.biller).search([])
        with self.assertRaises(AccessError):
            self.env["audit.check"].with_user(self.biller).action_check()
        action = self.env["audit.check"].with_user(self.auditor).action_check()
        check = self.env["audit.check"].browse(action["res_id"])
        self.assertTrue(check.is_sound)
        self.assertIn("as they were written", check.line_ids.text)
        credit_note = self._credit(self.invoice, (0, 1.0))
        action = credit_note.with_user(self.auditor).action_open_audit_entries()
        self.env.cr.flush()
        found = self.journal.with_user(self.auditor).search(action["domain"])
        self.assertEqual(set(found.mapped("action")), {"created", "posted"})
        with self.assertRaises(AccessError):
            credit_note.with_user(self.auditor).narration = "x"

    def test_one_insert_for_many(self):
        """A batch takes one lock and one INSERT, however many credit notes."""
        invoices = self.env["account.move"].browse()
        for _number in range(6):
            invoices |= self._invoice([(1, 10.0, self.vat20)])
        self.env.cr.flush()
        requests = [CreditRequest(invoice) for invoice in invoices]
        self.env["account.move"]._create_credit_notes(requests)
        self.env.flush_all()
        statements = []
        execute = type(self.env.cr).execute

        def listen(cursor, query, *args, **kwargs):
            code = query.code if isinstance(query, SQL) else str(query)
            if "audit_entry" in code or "advisory" in code:
                statements.append(code[:30])
            return execute(cursor, query, *args, **kwargs)

        with patch.object(type(self.env.cr), "execute", listen):
            self.env.cr.flush()
        self.assertLessEqual(len(statements), 4, statements)

    def test_posted_by_hand(self):
        draft = self.env["account.move"].create(
            {
                "move_type": "out_refund",
                "partner_id": self.partner.id,
                "invoice_line_ids": [
                    Command.create({"name": "Loose", "quantity": 1, "price_unit": 5})
                ],
            }
        )
        draft.action_post()
        self.assertEqual(self._entries(draft).mapped("action"), ["created", "posted"])

    def test_what_stays_open_on_an_invoice(self):
        """Payment reference and bank account, once it has a credit note."""
        self.invoice.payment_reference = "before"
        self.assertFalse(self._entries(self.invoice))
        self._credit(self.invoice, (0, 1.0))
        self.invoice.with_user(self.biller).payment_reference = "pay elsewhere"
        self.invoice.payment_reference = "pay elsewhere"
        entry = self._entries(self.invoice)
        self.assertEqual((entry.action, entry.user_id), ("changed", self.biller))
        self.assertEqual(json.loads(entry.before), {"payment_reference": "before"})
        self.assertEqual(
            json.loads(entry.after), {"payment_reference": "pay elsewhere"}
        )

    def test_settings(self):
        """What decides on credit notes, and to when the books are closed."""
        self.company.with_user(self.env.ref("base.user_admin")).sudo().write(
            {
                "return_credit_policy": "post",
                "fiscalyear_lock_date": "2015-12-31",
                "street": "Not told",
            }
        )
        entry = self._entries(self.company)
        self.assertEqual(entry.action, "changed")
        self.assertEqual(
            json.loads(entry.after),
            {"fiscalyear_lock_date": "2015-12-31", "return_credit_policy": "post"},
        )

    def test_set_off_undone(self):
        credit_note = self._credit(self.invoice, (0, 1.0))
        self.assertNotIn("refunded", self._entries(credit_note).mapped("action"))
        lines = credit_note.with_user(self.biller).line_ids
        lines.remove_move_reconcile()
        entry = self._entries(credit_note)[-1]
        self.assertEqual((entry.action, entry.user_id), ("refund_undone", self.biller))
        self.assertIn(self.invoice.name, entry.after)
