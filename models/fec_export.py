import csv
import io
import re

from odoo import api, models

from .account_move_post import REFUND_TYPES

WIZARD = "l10n_fr.fec.export.wizard"
JOURNAL, NUMBER, PIECE_REF = 0, 2, 8  # columns, LPF art. A47 A-1


class AccountMove(models.Model):
    """Has the lines of a credit note in Odoo's own FEC bear its number.

    That export fills PieceRef with the free text of the reference. Its module,
    ``l10n_fr_account``, is there in French databases only, so that avoir cannot
    inherit it: its method is wrapped when the registry is ready.
    """

    _inherit = "account.move"

    def _register_hook(self):
        result = super()._register_hook()
        wizard = self.env.registry.get(WIZARD)
        generate = getattr(wizard, "generate_fec", None)
        if generate and not hasattr(generate, "avoir_origin"):

            def generate_fec(self):
                result = generate(self)
                result["file_content"] = self.env["account.move"]._number_fec(
                    result["file_content"], self.date_from, self.date_to
                )
                return result

            generate_fec.avoir_origin = generate
            wizard.generate_fec = generate_fec
        return result

    @api.model
    def _number_fec(self, content, date_from, date_to):
        """Return the FEC with the number of each credit note as its PieceRef.

        :param bytes content: as core makes it, from ``date_from`` to ``date_to``
        """
        # sudo: the export itself reads all of the company's entries by SQL
        credit_notes = self.sudo().search_fetch(
            [
                ("move_type", "in", REFUND_TYPES),
                ("date", ">=", date_from),
                ("date", "<=", date_to),
                ("company_id", "child_of", self.env.company.root_id.id),
            ],
            ["name", "journal_id"],
        )
        numbers = {
            (_as_in_fec(move.journal_id.code), _as_in_fec(move.name))
            for move in credit_notes
            if move.name
        }
        if not numbers:
            return content
        lines = io.StringIO(content.decode(), newline="")
        made = io.StringIO(newline="")
        writer = csv.writer(made, delimiter="|", lineterminator="\r\n")
        for row in csv.reader(lines, delimiter="|"):
            if len(row) > PIECE_REF and (row[JOURNAL], row[NUMBER]) in numbers:
                row[PIECE_REF] = row[NUMBER]
            writer.writerow(row)
        return made.getvalue()[:-2].encode()  # core ends without a line break, too


def _as_in_fec(text):
    return re.sub(r"[\t\r\n]", " ", (text or "").replace("|", "/"))
