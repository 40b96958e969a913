"""Return transfers by avoir, all in one pass, beside Odoo's own wizard one by one.

Odoo's figures are its own: they come from a copy of the database that avoir was
uninstalled from. Both are used by one process, in turn, and all is undone each time.
First the transfers, moves and reservations are compared, field by field; a difference
ends the run. Option: compared=N.
"""

import _measure

from odoo import Command

NEEDS_PLAIN = True  # a second database, without avoir
LOGIN = "admin"
PICKING = ("state", "picking_type_id", "location_id", "location_dest_id", "origin")
MOVE = (
    "state",
    "product_id",
    "product_uom_qty",
    "product_uom",
    "quantity",
    "location_id",
    "location_dest_id",
    "picking_type_id",
    "warehouse_id",
    "procure_method",
    "to_refund",
    "sale_line_id",
    "origin_returned_move_id",
    "move_orig_ids",
    "move_dest_ids",
    "partner_id",
    "reference_ids",
)


def prepare(env, args):
    """Orders that were delivered, of ``--lines`` products each."""
    warehouse = env["stock.warehouse"].search([], limit=1)
    products = env["product.product"].create(
        [
            {"name": f"Product {number}", "is_storable": True}
            for number in range(args.lines)
        ]
    )
    for product in products:
        env["stock.quant"]._update_available_quantity(
            product, warehouse.lot_stock_id, 10 * args.documents
        )
    partner = env["res.partner"].create({"name": "Returns"})
    orders = env["sale.order"].create(
        [
            {
                "partner_id": partner.id,
                "client_order_ref": "bench",
                "order_line": [
                    Command.create({"product_id": product.id, "product_uom_qty": 5})
                    for product in products
                ],
            }
            for _number in range(args.documents)
        ]
    )
    orders.action_confirm()
    orders.picking_ids.button_validate()
    if set(orders.picking_ids.mapped("state")) != {"done"}:
        raise AssertionError("the deliveries are not done")


def run(env, args):
    database = env.cr.dbname
    env.cr.rollback()
    compared = min(args.documents, int(args.option.get("compared", 40)))
    print(f"the same transfers as Odoo's own, of {compared}?", flush=True)
    check(args.plain_database, database, compared)
    ways = [
        _measure.Way(f"{name}  {how}", where, work(args))
        for name, how, where, work in (
            ("a", "Odoo's wizard, one by one", args.plain_database, one_by_one),
            ("b", "avoir, all in one pass", database, by_avoir),
        )
    ]
    core, ours = ways
    print(f"{args.documents} returns of {args.lines} lines, in turn:", flush=True)
    _measure.alternate(ways, args.rounds, LOGIN)
    print(
        f"\nFor each return; n {args.documents}, rounds {args.rounds}, "
        f"{_measure.load()}\n"
    )
    print(_measure.table(ways, [core]))
    wall, cpu = (ours.times_faster(core, by=what) for what in ("wall", "cpu"))
    verdict = "reached" if wall >= 3.5 else "MISSED"
    print(f"b is {wall:.1f} × a, {cpu:.1f} by CPU; goal 3.5: {verdict}")


def find(env, count):
    """The moves to bring back, by delivery."""
    orders = env["sale.order"].search(
        [("client_order_ref", "=", "bench")], order="id", limit=count
    )
    return orders.picking_ids.sorted("id")


def return_by_wizard(picking):
    wizard = picking.env["stock.return.picking"].create({"picking_id": picking.id})
    wizard.product_return_moves.quantity = 2
    return picking.browse(wizard.action_create_returns()["res_id"])


def return_by_avoir(pickings):
    return pickings._create_returns(dict.fromkeys(pickings.move_ids, 2))


def one_by_one(args):
    def work(env):
        for picking in find(env, args.documents):
            return_by_wizard(picking)
            env.flush_all()  # as at the end of each click
            env.cr.flush()
        return args.documents

    return work


def by_avoir(args):
    def work(env):
        return_by_avoir(find(env, args.documents))
        return args.documents

    return work


def check(plain, database, count):
    with _measure.environment(plain, LOGIN) as env:
        pickings = find(env, count)
        theirs = snapshot(env["stock.picking"].union(*map(return_by_wizard, pickings)))
    with _measure.environment(database, LOGIN) as env:
        ours = snapshot(return_by_avoir(find(env, count)))
    found = [key for key in theirs | ours if theirs.get(key) != ours.get(key)]
    print(f"  {len(found)} of {len(theirs)} differ")
    if found:
        lines = [f"{key}: {theirs.get(key)} / {ours.get(key)}" for key in found[:20]]
        raise AssertionError("\n".join(["not the same:", *lines]))


def snapshot(pickings):
    """What the returns are, by what they are the return of."""
    env, result = pickings.env, {}
    new = pickings.move_ids
    for picking in pickings:
        for name in PICKING:
            result[picking.return_id.name, name] = value_of(picking[name], new)
    for move in new:
        key = move.origin_returned_move_id.id
        for name in MOVE:
            result[key, name] = value_of(move[name], new)
        result[key, "lines"] = [
            (line.quantity, line.location_id.id, line.location_dest_id.id)
            for line in move.move_line_ids
        ]
    env.invalidate_all()
    return result


def value_of(value, new):
    """A value that does not depend on the numbers of what was just made."""
    if hasattr(value, "_name"):
        return sorted((value - new).ids) if value._name == new._name else value.ids
    return value
