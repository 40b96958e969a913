from odoo import models
from odoo.http import request

WEBHOOK = "avoir_webhook"  # WebhookDispatcher.routing_type


class IrHttp(models.AbstractModel):
    """Deliveries come from programs: they have no language, no debug mode, no cookies
    and no campaign, and need not wait until all of these are looked up."""

    _inherit = "ir.http"

    @classmethod
    def _pre_dispatch(cls, rule, args):
        if rule.endpoint.routing["type"] == WEBHOOK:
            request.dispatcher.pre_dispatch(rule, args)
        else:
            super()._pre_dispatch(rule, args)

    @classmethod
    def _post_dispatch(cls, response):
        if request.dispatcher.routing_type == WEBHOOK:
            request.dispatcher.post_dispatch(response)
        else:
            super()._post_dispatch(response)
