from math import isfinite

from odoo import api, models
from odoo.exceptions import UserError

BIGGEST = 1e15  # beyond it a double holds no cents any more


class AvoirNumberMixin(models.AbstractModel):
    """Refuse what is no number: JSON knows NaN and Infinity, and programs send text."""

    _name = "avoir.number.mixin"
    _description = "Numbers That Are Numbers"

    @api.model_create_multi
    def create(self, vals_list):
        for values in vals_list:
            self._check_numbers(values)
        return super().create(vals_list)

    def write(self, values):
        self._check_numbers(values)
        return super().write(values)

    def onchange(self, values, field_names, fields_spec):
        self._check_numbers(values)
        return super().onchange(values, field_names, fields_spec)

    @api.model
    def _check_numbers(self, values):
        """Raise a ``UserError`` that names the field and what was entered in it."""
        for name, value in values.items():
            field = self._fields.get(name)
            if field and field.type in ("float", "monetary", "integer") and value:
                if not _is_number(value):
                    raise UserError(
                        self.env._(
                            "%(field)s has to be a number: %(value)s is none.",
                            field=field._description_string(self.env),
                            value=str(value)[:40],
                        )
                    )


def _is_number(value):
    try:
        return isfinite(float(value)) and abs(float(value)) < BIGGEST
    except (TypeError, ValueError, OverflowError):
        return False
