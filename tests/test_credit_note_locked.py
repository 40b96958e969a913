from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestCreditNoteLocked(AvoirCommon):
    """Nothing changes on a posted credit note, nor on the invoice that it corrects."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._invoice([(5, 100.0, cls.vat20)])
        cls.other = cls._invoice([(5, 100.0, cls.vat20)])
        cls.credit_note = cls._credit(
            cls, cls.invoice, (0, 1.0), values={"refund_reason_id": cls.reason.id}
        )

    def _file(self, move, name="invoice.xml", raw=b"<Invoice/>", **values):
        return (
            self.env["ir.attachment"]
            .sudo("res_field" in values)
            .create(
                {
                    "name": name,
                    "raw": raw,
                    "res_model": "account.move",
                    "res_id": move.id,
                    **values,
                }
            )
        )

    def _refused(self, change):
        with self.assertRaises(UserError), self.env.cr.savepoint():
            change()
            self.env.flush_all()
        self.env.invalidate_all()

    def test_lines(self):
        for move in (self.invoice, self.credit_note):
            line = move.invoice_line_ids[0].sudo()
            for name, value in (
                ("price_unit", 1.0),
                ("quantity", 4.0),
                ("discount", 10.0),
                ("name", "Something else"),
                ("product_id", self.product_b.id),
            ):
                with self.subTest(move=move.name, field=name):
                    self._refused(lambda n=name, v=value, li=line: li.write({n: v}))
        line = self.credit_note.invoice_line_ids
        self._refused(lambda: line.write({"reversed_line_id": False}))
        self._refused(lambda: line.write({"is_price_correction": True}))

    def test_lines_by_the_document(self):
        line = self.credit_note.invoice_line_ids
        self._refused(
            lambda: self.credit_note.write(
                {"line_ids": [Command.update(line.id, {"price_unit": 1.0})]}
            )
        )

    def test_header(self):
        reason = self.reason.copy({"code": "OTHER"})
        for name, value in (
            ("ref", "other"),
            ("reversed_entry_id", self.other.id),
            ("reversed_entry_id", False),
            ("refund_reason_id", reason.id),
            ("refund_note", "other"),
            ("refund_method", "cancel"),
            ("refund_approval", "to_approve"),
            ("net_of_tax", True),
            ("invoice_origin", "other"),
            ("invoice_date_due", "1900-01-01"),
            ("narration", "Other terms"),
            ("partner_shipping_id", self.partner_b.id),
            ("invoice_incoterm_id", self.env["account.incoterms"].search([])[0].id),
            ("incoterm_location", "Lyon"),
            ("sequence_prefix", "HA/"),
            ("sequence_number", 99),
            ("made_sequence_gap", True),
            ("secure_sequence_number", 99),
            ("inalterable_hash", "forged"),
            ("payment_state", "blocked"),
            ("amount_untaxed_in_currency_signed", 5.0),
            ("always_tax_exigible", True),
            ("is_reminder_charge", True),
            ("invoice_pdf_report_file", b"JVBERi0="),
            ("ubl_cii_xml_file", b"PGEvPg=="),
        ):
            with self.subTest(field=name):
                self._refused(lambda n=name, v=value: self.credit_note.write({n: v}))
        with self.assertRaisesRegex(UserError, "has a posted credit note"):
            self.invoice.ref = "other"

    def test_what_stays_open(self):
        """The same values, other fields, other documents, and drafts."""
        self.credit_note.write({"ref": self.credit_note.ref})
        self.credit_note.invoice_line_ids.write({"quantity": 1.0})
        self.credit_note.payment_reference = "pay"
        self.credit_note.partner_bank_id = False
        self.invoice.action_toggle_block_payment()
        self.other.ref = "still open"
        self.other.invoice_line_ids.price_unit = 100.0
        self.credit_note.button_draft()
        self.credit_note.write({"ref": "draft", "refund_note": "x"})
        self.invoice.ref = "open again"
        self.credit_note.invoice_line_ids.quantity = 2.0
        self.credit_note.action_post()
        self.assertEqual(self.credit_note.amount_total, 240.0)

    def test_state_is_not_forced(self):
        """Only the buttons open a document: they check what depends on it."""
        for move in (self.invoice, self.credit_note):
            for vals in (
                {"state": "draft"},
                {"state": "cancel"},
                {"state": "posted", "ref": "slipped in"},
                {"posted_before": False},
            ):
                with self.subTest(move=move.name, vals=vals):
                    self._refused(lambda m=move, v=vals: m.sudo().write(v))
                    forged = move.with_context(avoir_locked=True)
                    self._refused(lambda m=forged, v=vals: m.write(v))
        self.credit_note.button_draft()
        self._refused(lambda: self.credit_note.write({"posted_before": False}))
        self.credit_note.button_cancel()
        self._refused(lambda: self.credit_note.write({"posted_before": False}))
        self.invoice.button_draft()

    def test_stored_results(self):
        """Core takes what a program writes into sums and copies."""
        for move in (self.invoice, self.credit_note):
            for line in (move.invoice_line_ids, move.line_ids - move.invoice_line_ids):
                for name, value in (
                    ("price_subtotal", 1.0),
                    ("balance", 5.0),
                    ("debit", 5.0),
                    ("amount_currency", 5.0),
                    ("ref", "other"),
                    ("parent_state", "draft"),
                    ("move_name", "X/1"),
                    ("date_maturity", "1900-01-01"),
                    ("display_type", "line_note"),
                    ("currency_id", self.env.ref("base.CHF").id),
                    ("journal_id", self.company_data["default_journal_misc"].id),
                    ("discount_date", "1900-01-01"),
                ):
                    with self.subTest(move=move.name, field=name):
                        self._refused(
                            lambda n=name, v=value, li=line: li[:1].write({n: v})
                        )
            for name in ("amount_total", "amount_residual"):
                self._refused(lambda n=name, m=move: m.write({n: 1.0}))
            for name in ("einvoice_sha256", "einvoice_missing"):
                self._refused(lambda n=name, m=move: m.write({n: "x"}))

    def test_what_reports_add_up(self):
        """What lists, the VAT report and what is due are made of."""
        account = self.company_data["default_account_revenue"].copy()
        tag = self.env["account.account.tag"].create(
            {"name": "box 1", "applicability": "taxes"}
        )
        for move in (self.invoice, self.credit_note):
            for name, value in (
                ("account_id", account.id),
                ("tax_tag_ids", [Command.set(tag.ids)]),
                ("partner_id", self.partner_b.id),
                ("tax_base_amount", 5.0),
                ("amount_residual", 5.0),
                ("reconciled", True),
                ("is_downpayment", True),
                ("sequence", 999),
            ):
                line = move.invoice_line_ids[:1]
                if line[name] is True:
                    value = not value
                with self.subTest(move=move.name, field=name):
                    self._refused(lambda n=name, v=value, li=line: li.write({n: v}))
            for name, value in (
                ("amount_untaxed_signed", 5.0),
                ("amount_tax_signed", 5.0),
                ("amount_total_signed", 5.0),
                ("amount_residual_signed", 5.0),
                ("commercial_partner_id", self.partner_b.id),
                ("invoice_partner_display_name", "Somebody else"),
            ):
                with self.subTest(move=move.name, field=name):
                    self._refused(lambda n=name, v=value, m=move: m.write({n: v}))

    def test_lines_added_and_forced_out(self):
        """A note changes what is printed; ``force_delete`` may come by RPC."""
        for move in (self.invoice, self.credit_note):
            for kind in ("line_note", "line_section"):
                vals = {"name": "Paid in cash", "display_type": kind}
                with self.subTest(move=move.name, kind=kind):
                    self._refused(
                        lambda m=move, v=vals: self.env["account.move.line"].create(
                            {"move_id": m.id, **v}
                        )
                    )
                    self._refused(
                        lambda m=move, v=vals: m.write(
                            {"invoice_line_ids": [Command.create(v)]}
                        )
                    )
            lines = move.line_ids.with_context(force_delete=True, dynamic_unlink=True)
            self._refused(lines.unlink)

    def test_number_stays_given(self):
        self.credit_note.button_draft()
        with self.assertRaisesRegex(UserError, "Cancel it instead"):
            self.credit_note.with_context(force_delete=True).unlink()
        self.credit_note.button_cancel()

    def test_files(self):
        """XML and CSV too, whatever type is guessed or said."""
        for move in (self.invoice, self.credit_note):
            for name, raw, mimetype in (
                ("a.xml", b"<?xml version='1.0'?><a/>", "text/xml"),
                ("a.csv", b"a,b\n1,2\n", "text/csv"),
                ("a.bin", b"\x00\x01", "application/octet-stream"),
                ("a.pdf", b"%PDF-1.4", "application/pdf"),
            ):
                file = self._file(move, name, raw, mimetype=mimetype).sudo()
                for change in (
                    lambda f=file: f.write({"raw": b"other"}),
                    lambda f=file: f.write({"datas": b"b3RoZXI="}),
                    lambda f=file: f.write({"name": "renamed.xml"}),
                    lambda f=file: f.write({"mimetype": "text/plain"}),
                    lambda f=file: f.write({"res_field": "invoice_pdf_report_file"}),
                    lambda f=file: f.write({"public": True}),
                    lambda f=file: f.write({"access_token": "guess"}),
                    lambda f=file: f.write({"res_id": self.other.id}),
                    lambda f=file: f.write({"res_model": False, "res_id": False}),
                    lambda f=file: f.unlink(),
                ):
                    with self.subTest(move=move.name, file=name):
                        self._refused(change)
                self.assertEqual(file.raw, raw)
        file = self._file(self.other)
        file.raw = b"other"
        file.unlink()

    def test_links_in_mails_go_on(self):
        """Odoo draws the token of a file itself."""
        file = self._file(self.credit_note).sudo()
        self.assertEqual(file.generate_access_token(), [file.access_token])
        self.assertTrue(file.access_token)

    def test_core_secures_entries(self):
        """The hash on posting, and the sequence's gaps, are core's to write."""
        self.credit_note.journal_id.restrict_mode_hash_table = True
        self.credit_note.button_hash()
        self.assertTrue(self.credit_note.inalterable_hash)
        following = self._credit(self.other, (0, 1.0))
        self.assertTrue(following.inalterable_hash)
        following._set_next_made_sequence_gap(True)

    def test_files_of_a_credit_note_that_is_reset(self):
        file = self._file(self.credit_note)
        self.credit_note.button_draft()
        self._refused(file.unlink)
        self._refused(lambda: file.write({"name": "renamed.xml"}))
        draft = self._credit(self.other, (0, 1.0), post=False)
        self._file(draft).unlink()

    def test_printed_again_after_reset(self):
        """Core detaches the PDF of a document that is reset: that goes on."""
        self._file(
            self.credit_note,
            "credit_note.pdf",
            b"%PDF-1.4",
            res_field="invoice_pdf_report_file",
        )
        self.credit_note.button_draft()
        self.assertFalse(self.credit_note.invoice_pdf_report_file)

    # -- what a context or another model would open ------------------------------------

    def test_contexts_of_core(self):
        """Core lets whoever sends this context change what it closes."""
        other = self.env.ref("base.CHF")
        term = self.env.ref("account.account_payment_term_30days")
        for vals in (
            {"currency_id": other.id},
            {"invoice_payment_term_id": term.id},
            {"date": "2020-01-01"},
        ):
            for move in (self.invoice, self.credit_note):
                move = move.with_context(skip_readonly_check=True)
                with self.subTest(move=move.name, vals=vals):
                    self._refused(lambda m=move, v=vals: m.write(v))

    def test_lines_that_are_not_printed(self):
        for kind in ("tax", "rounding", "payment_term"):
            self._refused(
                lambda k=kind: self.env["account.move.line"].create(
                    {
                        "move_id": self.credit_note.id,
                        "display_type": k,
                        "account_id": self.company_data["default_account_revenue"].id,
                        "balance": 0.0,
                    }
                )
            )

    def test_set_off_keeps_its_amount(self):
        lines = self.credit_note.line_ids
        partial = lines.matched_debit_ids | lines.matched_credit_ids
        self._refused(lambda: partial.write({"amount": 1.0}))
        self._refused(lambda: partial.write({"debit_move_id": lines[0].id}))

    def test_documents_of_its_own(self):
        """A forged PDF would be sent in place of the real one."""
        biller = self._new_user("forger", "account.group_account_manager")
        for name in ("invoice_pdf_report_file", "ubl_cii_xml_file"):
            self._refused(
                lambda n=name: (
                    self.env["ir.attachment"]
                    .with_user(biller)
                    .create(
                        {
                            "name": "x.pdf",
                            "raw": b"%PDF-1.4",
                            "res_model": "account.move",
                            "res_id": self.credit_note.id,
                            "res_field": n,
                        }
                    )
                )
            )

    def test_messages(self):
        biller = self._new_user("liar", "account.group_account_manager")
        message = self.credit_note.message_post(body="Sent to the customer")
        for change in (
            message.with_user(biller).unlink,
            lambda: message.with_user(biller).write({"body": "Not sent"}),
        ):
            self._refused(change)
        self.other.message_post(body="x").with_user(biller).unlink()

    def test_reason_that_was_used(self):
        self._refused(self.reason.unlink)
        self.assertEqual(self.credit_note.refund_reason_id, self.reason)
