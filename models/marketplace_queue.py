from odoo import api, models

CHANNEL = "marketplace"


class MarketplaceQueue(models.AbstractModel):
    """Leaves the work to OCA's ``queue_job`` where that is installed.

    The crons then only put a job into the channel ``root.marketplace``, one for each
    cron at a time; who works on it, and how many at once, is set there. Nothing of
    ``queue_job`` is needed where it is not.
    """

    _name = "marketplace.queue"
    _description = "Queue of the Marketplaces"

    @api.model
    def _leave_to_queue(self, method):
        """Put a job into the queue, unless this is one, or there is no queue.

        :param method: the name of a method of this model that commits by itself
        :return: whether it was left to the queue
        """
        context = self.env.context
        if "queue.job" not in self.env or context.get("avoir_job"):
            return False
        self._prepare_queue()
        self.sudo().with_delay(
            description=f"{self._description}: {method}",
            identity_key=f"avoir:{self._name}:{method}:{context.get('cron_id')}",
        )._work_as_job(method)
        return True

    @api.model
    def _work_as_job(self, method):
        return getattr(self.with_context(avoir_job=True), method)()

    @api.model
    def _prepare_queue(self):
        """The channel, and that jobs of this model may commit."""
        functions = self.env["queue.job.function"].sudo()
        model = self.env["ir.model"]._get(self._name)
        domain = [("model_id", "=", model.id), ("method", "=", "_work_as_job")]
        if functions.search_count(domain, limit=1):
            return
        channels = self.env["queue.job.channel"].sudo()
        channel = channels.search([("name", "=", CHANNEL)], limit=1)
        if not channel:
            root = self.env.ref("queue_job.channel_root")
            channel = channels.create({"name": CHANNEL, "parent_id": root.id})
        values = {
            "model_id": model.id,
            "method": "_work_as_job",
            "channel_id": channel.id,
        }
        if "allow_commit" in functions._fields:
            values["allow_commit"] = True
        functions.create(values)
