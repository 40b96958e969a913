"""Credit notes by avoir beside Odoo's own wizard, of the same invoices.

Odoo's figures are its own: they come from a copy of the database that avoir was
uninstalled from. Both are used by one process, in turn, and all is undone each time.
First the results are compared, line by line; a difference ends the run.

Options: part=1 credits a piece each of two lines of the three; compared=N.
"""

import _compare
import _invoices
import _measure

from odoo import Command, fields

NEEDS_PLAIN = True  # a second database, without avoir


def prepare(env, args):
    _invoices.prepare(env, args)


def run(env, args):
    database = env.cr.dbname
    env.cr.rollback()
    part = bool(int(args.option.get("part", 0)))
    compared = min(args.documents, int(args.option.get("compared", 40)))
    print(f"the same results as Odoo's own, of {compared} invoices?", flush=True)
    check(args.plain_database, database, compared)
    ways = {
        name: _measure.Way(f"{name}  {how}", where, work(args, part))
        for name, how, where, work in (
            ("a", "Odoo's wizard, one by one", args.plain_database, one_by_one),
            ("b", "Odoo's wizard, in one batch", args.plain_database, in_one_batch),
            ("c", "avoir, posted and reconciled", database, by_avoir),
            ("d", "plain create and post, the limit", args.plain_database, plainly),
        )
    }
    print(f"{args.documents} invoices of {args.lines} lines, in turn:", flush=True)
    _measure.alternate(list(ways.values()), args.rounds, _invoices.USER)
    print(
        f"\nFor each credit note ({'part' if part else 'full'}); n {args.documents}, "
        f"chunk {args.chunk}, rounds {args.rounds}, {_measure.load()}\n"
    )
    print(_measure.table(ways.values(), [ways[name] for name in "abd"]))
    for name, goal in (("a", 10), ("b", 7), ("d", 1)):
        wall, cpu = (
            ways["c"].times_faster(ways[name], by=what) for what in ("wall", "cpu")
        )
        verdict = "reached" if wall >= goal else "MISSED"
        print(f"c is {wall:.1f} × {name}, {cpu:.1f} by CPU; goal {goal}: {verdict}")


def check(plain, database, count):
    """Compare avoir's credit notes with Odoo's, full ones and part ones."""
    for part in (False, True):
        with _measure.environment(plain, _invoices.USER) as env:
            for invoice in _invoices.find(env, count):
                credit_by_wizard(invoice, part)
            theirs = _compare.snapshot(_invoices.find(env, count))
        with _measure.environment(database, _invoices.USER) as env:
            credit_by_avoir(_invoices.find(env, count), part)
            ours = _compare.snapshot(_invoices.find(env, count))
        found = _compare.differences(theirs, ours)
        print(f"  {'part' if part else 'full'}: {len(found)} of {len(ours)} differ")
        if found:
            raise AssertionError("\n".join(["not the same:", *found[:20]]))


# -- the ways ------------------------------------------------------------------------


def one_by_one(args, part):
    def work(env):
        for invoice in _invoices.find(env, args.documents):
            credit_by_wizard(invoice, part)
            env.flush_all()  # as at the end of each click; it is also faster
            env.cr.flush()
        return args.documents

    return work


def in_one_batch(args, part):
    def work(env):
        credit_by_wizard(_invoices.find(env, args.documents), part)
        return args.documents

    return work


def credit_by_wizard(invoices, part):
    """Credit ``invoices`` in one run of Odoo's wizard, and post.

    For a part, the drafts are changed by hand: Odoo knows no other way.
    """
    wizard = (
        invoices.env["account.move.reversal"]
        .with_context(active_model="account.move", active_ids=invoices.ids)
        .create({"journal_id": invoices.journal_id.id})
    )
    wizard.refund_moves()
    credit_notes = wizard.new_move_ids
    for credit_note in credit_notes if part else ():
        lines = credit_note.invoice_line_ids.sorted("id")
        changes = [Command.update(line.id, {"quantity": 1.0}) for line in lines[:2]]
        changes += [Command.delete(line.id) for line in lines[2:]]
        credit_note.write({"invoice_line_ids": changes})
    credit_notes.action_post()


def by_avoir(args, part):
    def work(env):
        invoices = _invoices.find(env, args.documents)
        for position in range(0, len(invoices), args.chunk):
            credit_by_avoir(invoices[position : position + args.chunk], part)
            env.flush_all()
        return args.documents

    return work


def credit_by_avoir(invoices, part):
    from odoo.addons.avoir.tools.credit import CreditLine, CreditRequest

    reason = invoices.env["account.refund.reason"].search([], limit=1)
    requests = []
    for invoice in invoices:
        lines = invoice.invoice_line_ids.sorted("id")[:2] if part else ()
        requests.append(
            CreditRequest(
                invoice,
                [CreditLine(line, 1.0) for line in lines],
                values={"invoice_again": True, "refund_reason_id": reason.id},
            )
        )
    invoices.env["account.move"]._create_credit_notes(requests)


def plainly(args, part):
    """Make equal documents, bound to no invoice: there is nothing to reconcile."""

    def work(env):
        invoices = _invoices.find(env, args.documents)
        today = fields.Date.context_today(env.user)
        env["account.move"].create(
            [
                {
                    "move_type": "out_refund",
                    "partner_id": invoice.partner_id.id,
                    "journal_id": invoice.journal_id.id,
                    "invoice_date": today,
                    "invoice_line_ids": plain_lines(invoice, part),
                }
                for invoice in invoices
            ]
        ).action_post()
        return args.documents

    return work


def plain_lines(invoice, part):
    lines = invoice.invoice_line_ids.sorted("id")
    return [
        Command.create(
            {
                "product_id": line.product_id.id,
                "name": line.name,
                "quantity": 1.0 if part else line.quantity,
                "price_unit": line.price_unit,
                "discount": line.discount,
                "account_id": line.account_id.id,
                "tax_ids": [Command.set(line.tax_ids.ids)],
            }
        )
        for line in (lines[:2] if part else lines)
    ]
