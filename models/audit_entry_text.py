import json

from odoo import api, fields, models
from odoo.tools import format_date, formatLang


class AuditEntry(models.Model):
    """What an entry says, in the words of its reader."""

    _inherit = "audit.entry"

    recorded_utc = fields.Char("Time (UTC)", compute="_compute_recorded_utc")

    @api.depends("recorded_at")
    def _compute_recorded_utc(self):
        """The instant, whole and in no reader's time zone."""
        for entry in self:
            entry.recorded_utc = fields.Datetime.to_string(entry.recorded_at)

    def _describe_changes(self):
        """Return a text for each field that the entry tells of."""
        self.ensure_one()
        before = json.loads(self.before or "{}")
        after = json.loads(self.after or "{}")
        lines = []
        for name in {**before, **after}:
            old = self._describe_value(name, before.get(name))
            new = self._describe_value(name, after.get(name))
            value = f"{old} → {new}" if name in before else new
            lines.append(f"{self._describe_name(name)}: {value}")
        return lines

    def _audited_field(self, name):
        model = self.env.get(self.res_model)
        return None if model is None else model._fields.get(name)

    def _describe_name(self, name):
        field = self._audited_field(name)
        return field._description_string(self.env) if field else name

    def _describe_value(self, name, value):
        if value in (None, False, ""):
            return "–"
        if value is True:
            return self.env._("yes")
        field = self._audited_field(name)
        if field and field.type == "selection":
            return dict(field._description_selection(self.env)).get(value, value)
        if field and field.type == "many2one" and isinstance(value, list):
            return value[1]
        if field and field.type == "monetary":
            return formatLang(self.env, value)
        if field and field.type == "date":
            return format_date(self.env, value)
        if isinstance(value, list):
            return "; ".join(
                " ".join(map(str, item)) if isinstance(item, list) else str(item)
                for item in value
            )
        return str(value)
