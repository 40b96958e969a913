from datetime import timedelta

import psycopg2

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..connectors.tests.vies_server import ViesServer
from .common import AvoirCommon


@tagged("post_install", "-at_install")
class TestVies(AvoirCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = ViesServer()
        cls.addClassCleanup(cls.server.close)
        cls.env["ir.config_parameter"].set_param(
            "avoir.vies_address", cls.server.address
        )
        cls.company.write({"vies_check": True, "vies_max_age": 30})
        cls.company.partner_id.with_context(no_vat_validation=True).write(
            {"vat": "FR23334175221", "country_id": cls.env.ref("base.fr").id}
        )
        cls.customer = cls._customer("BE0477472701", "base.be")
        cls.zero = cls._new_tax("Intra", 0.0)
        cls.env.flush_all()  # what is computed puts questions
        cls.env["vies.question"].sudo().search([]).unlink()

    @classmethod
    def _customer(cls, vat, country):
        partner = cls.env["res.partner"].with_context(no_vat_validation=True)
        return partner.create(
            {
                "name": f"Customer {vat}",
                "is_company": True,
                "vat": vat,
                "country_id": cls.env.ref(country).id,
            }
        )

    def _ask(self, customer=None):
        customer = customer or self.customer
        customer.action_ask_vies()
        self._run()
        customer.invalidate_recordset()
        return customer.vies_answer_id

    def _run(self):
        with self.enter_registry_test_mode():
            self.env.ref("avoir.ir_cron_vies").method_direct_trigger()
        self.env.invalidate_all()

    def _answers(self, customer=None):
        return self.env["vies.answer"].search(
            [("partner_id", "=", (customer or self.customer).id)]
        )

    def _sell(self, customer=None, post=True, **values):
        customer = customer or self.customer
        return self._invoice(
            [(1, 100.0, self.zero)], post=post, partner_id=customer.id, **values
        )

    # -- three states ------------------------------------------------------------------

    def test_valid_with_proof(self):
        self.server.answers["BE0477472701"] = {"name": "Odoo", "address": "Namur 40"}
        answer = self._ask()
        self.assertEqual(self.customer.vies_state, "valid")
        self.assertEqual(answer.request_identifier, "WAPIAAAAX")
        self.assertEqual(answer.requester_vat, "FR23334175221")
        self.assertEqual(answer.trader_name, "Odoo")
        self.assertFalse(self.customer.vies_is_waiting)
        asked = self.server.asked[-1]
        self.assertEqual(asked["requesterVatNumber"], "23334175221")

    def test_invalid(self):
        self.server.answers["BE0477472701"] = {"valid": "false"}
        self._ask()
        self.assertEqual(self.customer.vies_state, "invalid")

    def test_outage_is_unknown_and_tried_again(self):
        self.server.answers["BE0477472701"] = "MS_UNAVAILABLE"
        self._ask()
        self.assertEqual(self.customer.vies_state, "unknown")
        question = (
            self.env["vies.question"]
            .sudo()
            .search([("partner_id", "=", self.customer.id)])
        )
        self.assertEqual((question.tries, question.fault), (1, "MS_UNAVAILABLE"))
        self.assertGreater(question.next_try, fields.Datetime.now())
        before = len(self.server.asked)
        self._run()  # not due yet
        self.assertEqual(len(self.server.asked), before)
        self.server.answers["BE0477472701"] = {}
        question.next_try = fields.Datetime.now()
        self._run()
        self.assertEqual(self.customer.vies_state, "valid")
        self.assertFalse(question.exists())
        self.assertEqual(
            self._answers().mapped("state"), ["valid", "unknown"], "both are kept"
        )

    def test_outage_does_not_undo_what_was_known(self):
        self.server.answers["BE0477472701"] = {}
        self._ask()
        self.server.answers["BE0477472701"] = "SERVICE_UNAVAILABLE"
        self._ask()
        self.assertEqual(self.customer.vies_state, "valid")
        if "vies_valid" in self.customer._fields:
            self.assertTrue(self.customer.vies_valid)

    def test_nobody_there(self):
        self.env["ir.config_parameter"].set_param(
            "avoir.vies_address", "http://127.0.0.1:9/vies"
        )
        self._ask()
        self.assertEqual(self.customer.vies_state, "unknown")
        self.assertEqual(self._answers().fault, "NO_CONNECTION")

    def test_wrong_form_is_not_asked(self):
        customer = self._customer("BE0477472702", "base.be")
        before = len(self.server.asked)
        notice = customer.action_ask_vies()
        self.assertEqual(notice["params"]["type"], "warning")
        self._run()
        self.assertEqual(customer.vies_state, "invalid")
        self.assertEqual(self._answers(customer).fault, "FORM")
        self.assertEqual(len(self.server.asked), before)

    def test_outside_of_europe_there_is_nothing_to_ask(self):
        customer = self._customer("US12345", "base.us")
        self.assertFalse(customer.vies_is_number)
        self.assertFalse(customer.vies_state)
        customer.action_ask_vies()
        self.assertFalse(
            self.env["vies.question"].search([("partner_id", "=", customer.id)])
        )

    def test_a_new_number_is_unknown_again(self):
        self.server.answers["BE0477472701"] = {}
        self._ask()
        self.customer.with_context(no_vat_validation=True).vat = "BE0403019261"
        self.assertEqual(self.customer.vies_state, "unknown")

    # -- kept for ever -----------------------------------------------------------------

    def test_answers_are_never_changed(self):
        self.server.answers["BE0477472701"] = {"valid": "false"}
        answer = self._ask().sudo()
        with self.assertRaises(UserError):
            answer.state = "valid"
        with self.assertRaises(UserError):
            answer.unlink()
        for query in (
            "UPDATE vies_answer SET state = 'valid'",
            "DELETE FROM vies_answer",
            "TRUNCATE vies_answer CASCADE",
        ):
            with (
                self.subTest(query),
                mute_logger("odoo.sql_db"),
                self.assertRaises(psycopg2.Error),
                self.env.cr.savepoint(),
            ):
                self.env.cr.execute(query)
        other = self._customer("BE0403019261", "base.be")
        self.env.cr.execute(
            "UPDATE vies_answer SET partner_id = %s WHERE id = %s",
            [other.id, answer.id],
        )

    # -- documents ---------------------------------------------------------------------

    def test_invoice_and_credit_note_keep_the_proof(self):
        self.server.answers["BE0477472701"] = {}
        answer = self._ask()
        invoice = self._sell()
        self.assertEqual(invoice.vies_answer_id, answer)
        self.assertEqual(invoice.vies_state, "valid")
        self.server.answers["BE0477472701"] = {"valid": "false"}
        self._ask()
        credit_note = self._credit(invoice, (0, 1.0))
        self.assertEqual(credit_note.vies_answer_id, answer)
        self.assertEqual(credit_note.vies_request_identifier, "WAPIAAAAX")

    def test_posting_waits_for_nothing_and_is_joined_later(self):
        before = len(self.server.asked)
        invoice = self._sell()
        self.assertEqual(len(self.server.asked), before)
        self.assertEqual((invoice.state, invoice.vies_state), ("posted", "unknown"))
        self.server.answers["BE0477472701"] = {"valid": "false"}
        self._run()
        self.assertEqual(invoice.vies_state, "invalid")
        self.assertEqual(invoice.activity_ids.summary, "VAT number not valid")

    def test_old_answers_are_asked_for_again(self):
        self.server.answers["BE0477472701"] = {}
        now = fields.Datetime.now()
        self.env["vies.answer"].sudo().create(
            {
                "partner_id": self.customer.id,
                "company_id": self.company.id,
                "vat": self.customer.vat,
                "state": "valid",
                "asked_at": now - timedelta(days=31),
            }
        )
        invoice = self._sell()
        self.assertTrue(invoice.vies_waiting)
        self._run()
        self.assertEqual(len(self._answers()), 2)
        self.assertEqual(invoice.vies_answer_id, self._answers()[0])
        second = self._sell()
        self.assertFalse(second.vies_waiting)
        self.assertEqual(second.vies_answer_id, self._answers()[0])

    def test_confirming_an_order_asks(self):
        order = (
            self.env["sale.order"]
            .sudo()
            .create(
                {
                    "partner_id": self.customer.id,
                    "order_line": [Command.create({"product_id": self.product_a.id})],
                }
            )
        )
        self.assertEqual(order.vies_state, "unknown")
        order.action_confirm()
        self.assertTrue(self.customer.vies_is_waiting)

    def test_domestic_customers_are_not_asked_about(self):
        customer = self._customer("FR40303265045", "base.fr")
        self._sell(customer)
        self.assertFalse(customer.vies_is_waiting)

    def test_switched_off(self):
        self.company.vies_check = False
        invoice = self._sell()
        self.assertFalse(invoice.vies_state)
        self.assertFalse(self.customer.vies_is_waiting)

    def test_core_field_asks_nobody_while_saving(self):
        if "vies_valid" not in self.customer._fields:
            self.skipTest("base_vat is not installed")
        self.company.vat_check_vies = True
        before = len(self.server.asked)
        customer = self._customer("NL123456782B90", "base.nl")
        self.assertFalse(customer.vies_valid)
        self.assertTrue(customer.vies_is_waiting)
        self.assertEqual(len(self.server.asked), before)
        self.server.answers["NL123456782B90"] = {}
        self._run()
        self.assertTrue(customer.vies_valid)

    # -- roles and companies -----------------------------------------------------------

    def test_accountant_asks_and_sees_and_changes_nothing(self):
        user = self._new_user("vies_accountant", "account.group_account_invoice")
        self.server.answers["BE0477472701"] = {}
        customer = self.customer.with_user(user)
        customer.action_ask_vies()
        self._run()
        answer = customer.vies_answer_id
        self.assertEqual(answer.state, "valid")
        with self.assertRaises(AccessError):
            answer.create({"state": "valid"})
        with Form(customer) as form:
            self.assertEqual(form.vies_state, "valid")
        self._sell().with_user(user).read(["vies_state", "vies_answer_id"])

    def test_other_company_has_its_own_answers(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.server.answers["BE0477472701"] = {}
        self._ask()
        customer = self.customer.with_company(other)
        self.assertEqual(customer.vies_state, "unknown")
