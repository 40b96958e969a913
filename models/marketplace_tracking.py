from odoo import api, models


class MailTrackingValue(models.Model):
    """Says the states of returns in the language of whoever reads the chatter.

    Core keeps the label of a selection in the language of who changed it, which may be
    a cron. Here its key is kept.
    """

    _inherit = "mail.tracking.value"

    @api.model
    def _create_tracking_values(
        self, initial_value, new_value, col_name, col_info, record
    ):
        values = super()._create_tracking_values(
            initial_value, new_value, col_name, col_info, record
        )
        if col_info["type"] == "selection" and _is_ours(record._name):
            values |= {
                "old_value_char": initial_value or "",
                "new_value_char": new_value or "",
            }
        return values

    def _tracking_value_format_model(self, model):
        formatted = super()._tracking_value_format_model(model)
        if not _is_ours(model):
            return formatted
        names = {value.id: value.field_id.name for value in self}
        fields = self.env[model]._fields
        for told in formatted:
            if told["fieldInfo"]["fieldType"] == "selection":
                field = fields[names[told["id"]]]
                labels = dict(field._description_selection(self.env))
                for name in ("oldValue", "newValue"):
                    told[name] = labels.get(told[name], told[name])
        return formatted


class MarketplaceReturn(models.Model):
    _inherit = "marketplace.return"

    def _log_state_later(self):
        """Note in the chatter from what state to what these returns went.

        At the end of the transaction, and for all returns at once: core's tracking
        makes a note for each record by itself, which takes as long as crediting it.
        """
        precommit = self.env.cr.precommit
        before = precommit.data.setdefault("avoir.marketplace.states", {})
        if not before:
            precommit.add(self.browse()._log_states)
        for record in self:
            before.setdefault(record.id, record.state)

    def _log_states(self):
        before = self.env.cr.precommit.data.pop("avoir.marketplace.states", {})
        returns = self.browse(before).exists()
        changed = returns.filtered(lambda record: record.state != before[record.id])
        messages = changed._message_log_batch(dict.fromkeys(changed.ids, ""))
        field = self.env["ir.model.fields"]._get(self._name, "state")
        # sudo: as core's tracking, whoever changed the state
        self.env["mail.tracking.value"].sudo().create(
            [
                {
                    "field_id": field.id,
                    "mail_message_id": message.id,
                    "old_value_char": before[record.id],
                    "new_value_char": record.state,
                }
                for record, message in zip(changed, messages, strict=True)
            ]
        )


def _is_ours(model):
    return (model or "").startswith("marketplace.")
