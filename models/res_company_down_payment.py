from odoo import Command, api, fields, models

# Accounts for payments received on account of orders, by chart template, for charts
# whose template names none to core.
CHART_ACCOUNTS = {
    "nl": "1405",
    "de_skr03": "account_1710",
    "de_skr04": "chart_skr04_3250",
    "es_common": "account_common_438",
    "es_pymes": "account_common_438",
    "es_full": "account_common_438",
    "es_assoc": "account_common_438",
    "es_coop_pymes": "account_common_438",
    "es_coop_full": "account_common_438",
}


class ResCompany(models.Model):
    _inherit = "res.company"

    down_payment_product_id = fields.Many2one(
        "product.product",
        check_company=True,
        domain="[('type', '=', 'service')]",
        help="On the invoices of down payments and where they are deducted.",
    )
    down_payment_deduction = fields.Selection(
        [
            ("total", "As much as the invoice allows"),
            ("proportion", "In proportion to what is invoiced"),
        ],
        string="Deduction of Down Payments",
        default="total",
        required=True,
        help="Where an invoice is for a part of the order only. Never more than the "
        "invoice: what is left is deducted from the next one.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        companies.sudo()._set_up_down_payments()
        return companies

    def write(self, vals):
        result = super().write(vals)
        if "downpayment_account_id" in vals:
            self.sudo()._set_down_payment_product_account()
        return result

    @api.model
    def _set_up_all_down_payments(self):
        """Set up the companies that are there at installation."""
        companies = self.sudo().with_context(active_test=False)
        # pylint: disable-next=no-search-all
        companies.search([])._set_up_down_payments()

    def _set_up_down_payments(self):
        """Give these companies their product and account for down payments.

        What is set already stays. Called at installation, for new companies and when
        a chart of accounts is loaded.
        """
        for company in self.filtered(lambda company: not company.parent_id):
            account = company.downpayment_account_id
            # Core proposes the account of the company that has a chart to new ones.
            if not account.company_ids & company.parent_ids:
                company.downpayment_account_id = company._find_down_payment_account()
        missing = self.filtered(lambda company: not company.down_payment_product_id)
        products = self.env["product.product"].create(
            [company._prepare_down_payment_product() for company in missing]
        )
        for company, product in zip(missing, products, strict=True):
            company.down_payment_product_id = product
        products._translate_down_payment_product()
        self._set_down_payment_product_account()

    def _find_down_payment_account(self):
        """Return the account that the chart of accounts has for down payments."""
        code = self.chart_template
        if not code:
            return self.env["account.account"]
        chart = self.env["account.chart.template"].with_company(self)
        data = chart._get_chart_template_data(code).get("template_data") or {}
        xmlid = data.get("downpayment_account_id") or CHART_ACCOUNTS.get(code)
        account = xmlid and chart.ref(xmlid, raise_if_not_found=False)
        return account or self.env["account.account"]

    def _prepare_down_payment_product(self):
        return {
            "name": "Down Payment",
            "default_code": "ACOMPTE",
            "type": "service",
            "invoice_policy": "order",
            "list_price": 0.0,
            "sale_ok": False,
            "purchase_ok": False,
            "company_id": self.id,
            "taxes_id": [Command.clear()],
            "supplier_taxes_id": [Command.clear()],
        }

    def _set_down_payment_product_account(self):
        for company in self:
            account = company.downpayment_account_id
            product = company.down_payment_product_id.with_company(company)
            if account and product:
                product.property_account_income_id = account


class ProductProduct(models.Model):
    _inherit = "product.product"

    def _translate_down_payment_product(self):
        """Name these products in each language in which they have no name yet."""
        codes = [code for code, _name in self.env["res.lang"].get_installed()]
        for lang in codes:
            products = self.with_context(lang=lang).filtered(
                lambda product: product.name == "Down Payment"
            )
            if products:
                products.name = products.env._("Down Payment")


class IrModuleModule(models.Model):
    _inherit = "ir.module.module"

    def _update_translations(self, filter_lang=None, overwrite=False):
        """Name the products, which no data file made, in a new language as well."""
        result = super()._update_translations(filter_lang, overwrite)
        if "avoir" in self.mapped("name"):
            companies = self.env["res.company"].search(
                [("down_payment_product_id", "!=", False)]
            )
            companies.down_payment_product_id._translate_down_payment_product()
        return result


class AccountChartTemplate(models.AbstractModel):
    _inherit = "account.chart.template"

    def _load(self, template_code, company, install_demo, force_create=True):
        """Give the company its account for down payments with its chart."""
        result = super()._load(template_code, company, install_demo, force_create)
        self.env["res.company"].sudo().browse(company.id)._set_up_down_payments()
        return result
