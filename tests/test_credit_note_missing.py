from odoo.tests import tagged

from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestCreditNoteMissing(AvoirCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.partner_id.write(
            {
                "street": "Quai 1",
                "zip": "69000",
                "city": "Lyon",
                "country_id": cls.env.ref("base.fr").id,
            }
        )
        cls.company.vat = "FR23334175221"
        cls.partner.write(
            {
                "street": "Kade 1",
                "zip": "1000 AA",
                "city": "Amsterdam",
                "country_id": cls.env.ref("base.nl").id,
                "is_company": True,
            }
        )
        cls.invoice = cls._invoice([(4, 100.0, cls.vat20)])
        cls.credit_note = cls._credit(cls, cls.invoice, (0, 1.0))
        cls.biller = cls._new_user("biller", "account.group_account_invoice")

    def _missing(self, moves=None):
        moves = self.credit_note if moves is None else moves
        return [what for _move, _partner, what in moves._get_missing()]

    def test_nothing(self):
        self.assertFalse(self._missing())

    def test_partner(self):
        self.partner.write({"country_id": False, "zip": False})
        self.assertEqual(
            self._missing(),
            ["the country of Wassenaar BV", "city or postcode of Wassenaar BV"],
        )
        self.partner.write({"street": False, "city": False})
        self.assertIn("the address of Wassenaar BV", self._missing())

    def test_vat_numbers(self):
        self.company.vat = False
        self.assertEqual(self._missing(), ["your own VAT number"])
        untaxed = self._invoice([(1, 50.0, self.env["account.tax"])])
        credit_note = self._credit(untaxed, (0, 1.0))
        self.assertEqual(self._missing(credit_note), ["the customer's VAT number"])
        self.partner.is_company = False
        self.assertFalse(self._missing(credit_note))

    def test_label(self):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move_line SET name = NULL WHERE id = %s",
            [self.credit_note.invoice_line_ids.id],
        )
        self.env.invalidate_all()
        self.assertIn("a label on the line", self._missing()[0])

    def test_list_and_alert(self):
        self.partner.country_id = False
        moves = self.credit_note.with_user(self.biller)
        action = moves.action_show_missing()
        check = self.env[action["res_model"]].browse(action["res_id"])
        self.assertEqual(check.line_ids.move_id, self.credit_note)
        opened = check.line_ids.action_open()
        self.assertEqual(opened["res_model"], "res.partner")
        wizard = (
            self.env["account.move.send.wizard"]
            .with_user(self.biller)
            .with_context(active_model="account.move", active_ids=moves.ids)
            .create({"move_id": moves.id})
        )
        self.assertIn("the country of", wizard.alerts["avoir_missing"]["message"])
