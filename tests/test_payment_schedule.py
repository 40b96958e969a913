from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .down_payment_common import DownPaymentCommon


@tagged("post_install", "-at_install")
class TestPaymentSchedule(DownPaymentCommon):
    """30 % on order, 40 % on delivery, the rest on completion."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.schedule = cls.env.ref("avoir.payment_schedule_30_40_30")
        cls.work = cls.env["product.product"].create(
            {"name": "Fitting", "type": "service", "invoice_policy": "delivery"}
        )

    def _scheduled(self, confirm=True):
        return self._order(
            (self.delivered, 8, 100.0),
            (self.work, 2, 100.0),
            confirm=confirm,
            payment_schedule_id=self.schedule.id,
        )

    def _run_cron(self):
        with self.enter_registry_test_mode():
            self.env.ref("avoir.ir_cron_payment_schedule").method_direct_trigger()

    def _states(self, order):
        order.payment_step_ids.invalidate_recordset()
        return order.payment_step_ids.mapped("state")

    def test_whole_way_by_cron(self):
        self.company.payment_schedule_mode = "post"
        order = self._scheduled(confirm=False)
        steps = order.payment_step_ids
        self.assertEqual(steps.mapped("amount"), [360, 480, 360])
        self._run_cron()
        self.assertFalse(order.invoice_ids)
        order.action_confirm()
        self.assertEqual(self._states(order), ["due", "waiting", "waiting"])
        for _twice in range(2):
            self._run_cron()
        self.assertEqual(order.invoice_ids.mapped("amount_total"), [360])
        self.assertEqual(self._states(order), ["invoiced", "waiting", "waiting"])
        self._deliver(order)
        self._run_cron()
        self.assertEqual(self._states(order), ["invoiced", "invoiced", "waiting"])
        order.order_line[1].qty_delivered = 2
        self._run_cron()
        self.assertEqual(self._states(order), ["invoiced"] * 3)
        self.assertEqual(
            sorted(order.invoice_ids.mapped("amount_total")), [360, 360, 480]
        )
        self.assertEqual(self._balance(), 0)
        self.assertAddsUp(order)
        self.assertEqual(order.left_to_invoice, 0)

    def test_by_hand_as_sales(self):
        order = self._scheduled()
        step = order.payment_step_ids[0].with_user(self.salesman)
        step.action_invoice()
        self.assertEqual(self._states(order)[0], "draft")
        with self.assertRefused("invoiced already"):
            step.action_invoice()
        order.invoice_ids.action_post()
        self._give_back(order.invoice_ids, quantity=1)
        self.assertEqual(self._states(order)[0], "due")
        step.action_invoice()
        self.assertEqual(len(order.invoice_ids), 3)

    def test_by_hand_only(self):
        order = self._scheduled()
        self._run_cron()
        self.assertFalse(order.invoice_ids)

    def test_one_that_fails_keeps_no_other(self):
        self.company.payment_schedule_mode = "draft"
        full = self._scheduled()
        self._take(full, 100)
        order = self._scheduled()
        for _twice in range(2):
            self._run_cron()
        self.assertEqual(len(order.invoice_ids), 1)
        self.assertEqual(len(full.invoice_ids), 1)
        self.assertEqual(len(full.activity_ids), 1)

    def test_more_than_the_order(self):
        order = self._scheduled(confirm=False)
        with self.assertRaises(ValidationError):
            order.payment_step_ids[0].percent = 70
            order._check_payment_steps()

    def test_not_confirmed(self):
        order = self._scheduled(confirm=False)
        with self.assertRefused("is not confirmed"):
            order.payment_step_ids[0].action_invoice()

    def test_copied_with_the_order(self):
        order = self._scheduled()
        order.payment_step_ids[0].action_invoice()
        copy = order.copy()
        self.assertEqual(copy.payment_step_ids.mapped("percent"), [30, 40, 0])
        self.assertFalse(copy.payment_step_ids.invoice_ids)

    def test_customer_sees_it(self):
        """On the quotation and in the portal."""
        order = self._scheduled()
        report = self.env["ir.actions.report"]
        html, _type = report._render_qweb_html(
            "sale.action_report_saleorder", order.ids
        )
        self.assertIn(b"On delivery", html)
        content = self.env["ir.qweb"]._render(
            "avoir.payment_schedule_table",
            {"steps": order.payment_step_ids, "with_state": True},
        )
        self.assertIn("To come", content)

    def test_other_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        schedule = self.schedule.copy({"company_id": other.id})
        user = self.salesman.with_company(self.company)
        found = self.env["sale.payment.schedule"].with_user(user).search([])
        self.assertNotIn(schedule, found)

    def test_invoiced_by_the_button_of_the_order(self):
        """A step is recognised; one that is never asked for is settled in the end."""
        order = self._scheduled()
        for percent in (30, 20):
            self._wizard(
                order,
                self.salesman,
                advance_payment_method="percentage",
                amount=percent,
            ).create_invoices()
        self.assertEqual(self._states(order), ["draft", "waiting", "waiting"])
        self.assertEqual(order.payment_step_ids[0].amount, 360)
        with self.assertRefused("invoiced already"):
            order.payment_step_ids[0].action_invoice()
        order.invoice_ids.action_post()
        self._deliver(order)
        order.order_line[1].qty_delivered = 2
        self.assertEqual(self._states(order), ["invoiced", "due", "due"])
        self._wizard(order, advance_payment_method="delivered").create_invoices()
        self.assertEqual(self._states(order), ["invoiced", "settled", "draft"])
        self.company.payment_schedule_mode = "post"
        self._run_cron()
        self.assertEqual(len(order.invoice_ids), 3)

    def test_steps_in_the_language_of_the_customer(self):
        """The templates that come with the addon have names to translate."""
        names = self.env["ir.model.data"].search(
            [("model", "=", "sale.payment.schedule.line"), ("module", "=", "avoir")]
        )
        self.assertEqual(len(names), 5)
        line = self.schedule.line_ids[0]
        self.env["res.lang"]._activate_lang("fr_FR")
        line.with_context(lang="fr_FR").name = "À la commande"
        self.partner.lang = "fr_FR"
        self.assertEqual(self._scheduled().payment_step_ids[0].name, "À la commande")

    def test_what_is_invoiced_stays(self):
        order, other = self._scheduled(), self._scheduled()
        step = order.payment_step_ids[0].with_user(self.salesman)
        step.action_invoice()
        for values in ({"percent": 10}, {"kind": "rest"}, {"order_id": other.id}):
            with self.subTest(values), self.assertRefused("stays as it is"):
                step.write(values)
        with self.assertRefused("stays as it is"):
            step.unlink()
        step.write({"percent": 30, "name": "To begin with"})
        order.invoice_ids.unlink()
        step.unlink()
        self.assertEqual(len(order.payment_step_ids), 2)
