from odoo import http
from odoo.http import request


class MarketplaceLogo(http.Controller):
    """The logos of the shops, which mails to their customers show."""

    @http.route("/avoir/logo/<int:account_id>", type="http", auth="public")
    def logo(self, account_id):
        """The logo of a shop: it is on the shop's own site too."""
        # sudo: nothing else of the account is given
        account = request.env["marketplace.account"].sudo().browse(account_id).exists()
        if not account.active or not account.logo:
            return request.not_found()
        stream = request.env["ir.binary"]._get_image_stream_from(account, "logo")
        return stream.get_response()
