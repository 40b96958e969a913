from odoo import api, models
from odoo.exceptions import AccessError


class MarketplaceTold(models.AbstractModel):
    """Keeps what the marketplace told, and what came of it, from being typed over.

    ``readonly`` holds in the form only; whoever may write the record could set such
    fields through the API: a state, an amount paid back.
    """

    _name = "marketplace.told"
    _description = "Told by a Marketplace"

    @api.model_create_multi
    def create(self, vals_list):
        self._check_typed_in({name for vals in vals_list for name in vals})
        return super().create(vals_list)

    def write(self, vals):
        self._check_typed_in(vals)
        return super().write(vals)

    @api.model
    def _check_typed_in(self, names):
        """Raise an ``AccessError`` where a person sets what only the addon sets."""
        if self.env.su:
            return
        told = [
            name
            for name in names
            if (field := self._fields.get(name))
            and field.readonly
            and field.store
            and not field.compute
        ]
        if told:
            labels = [self._fields[name]._description_string(self.env) for name in told]
            raise AccessError(
                self.env._(
                    "%(fields)s: told by the marketplace, and not changed by hand.",
                    fields=", ".join(labels),
                )
            )
