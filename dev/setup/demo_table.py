"""The table that ./dev/demo prints: each delivery and what became of it."""

from .ui import say

COLUMNS = (
    ("delivery", 33),
    ("answer", 15),
    ("what became of it", 20),
    ("order", 7),
    ("invoice", 16),
    ("goods", 17),
    ("credit note", 17),
    ("untaxed", 8),
    ("VAT", 7),
    ("total", 8),
    ("open", 8),
)
NUMBERS = ("untaxed", "VAT", "total", "open")


def show(admin, accounts, told, answers):
    """Print a row for each delivery, and what a person is asked to do."""
    found = Found(admin, accounts)
    rows = []
    for code, account in accounts.items():
        rows.append([account["name"]])
        for delivery, answer in zip(told, answers, strict=True):
            if delivery.code == code:
                rows += found.rows(delivery, answer)
    say()
    print_row([name for name, _width in COLUMNS])
    print_row(["─" * width for _name, width in COLUMNS])
    for row in rows:
        print_row(row)
    say()
    say("“open” is what is left to pay on the invoice.")
    if found.wishes:
        say("What waits for a person:")
    for number, wish in enumerate(found.wishes, 1):
        say(f"  [{number}] {wish}")


def print_row(row):
    cells = []
    for (name, width), value in zip(COLUMNS, row, strict=False):
        if len(row) > 1:
            value = value if len(value) <= width else value[: width - 1] + "…"
        right = name in NUMBERS
        cells.append(value.rjust(width) if right else value.ljust(width))
    say(" ".join(cells).rstrip())


class Found:
    """What is in the database of the deliveries, read in a few calls."""

    def __init__(self, admin, accounts):
        mine = [("account_id", "in", [one["id"] for one in accounts.values()])]
        self.accounts = accounts
        # What people are asked to do, in the order of the table.
        self.wishes = []
        self.returns = {
            (one["account_id"][0], one["external_id"]): one
            for one in admin.search_read(
                "marketplace.return",
                mine,
                [
                    *(
                        "account_id",
                        "external_id",
                        "state",
                        "missing",
                        "name",
                        "order_ref",
                    ),
                    *("sale_order_id", "invoice_id", "picking_ids", "credit_note_ids"),
                ],
            )
        }
        self.errors = {
            (one["account_id"][0], one["topic"]): one["error"]
            for one in admin.search_read(
                "marketplace.message",
                [*mine, ("state", "=", "error")],
                ["account_id", "topic", "error"],
            )
        }
        self.states = dict(
            admin("marketplace.return", "fields_get", ["state"])["state"]["selection"]
        )
        every = self.returns.values()
        orders = {one["sale_order_id"][0] for one in every if one["sale_order_id"]}
        self.orders = self.by_id(
            admin, "sale.order", orders, ["client_order_ref", "invoice_ids"]
        )
        self.pickings = self.by_id(
            admin,
            "stock.picking",
            {picking for one in every for picking in one["picking_ids"]},
            ["name", "state"],
        )
        moves = {move for one in every for move in one["credit_note_ids"]}
        moves |= {move for one in self.orders.values() for move in one["invoice_ids"]}
        self.moves = self.by_id(
            admin,
            "account.move",
            moves,
            [
                *("name", "move_type", "state", "amount_residual", "reversed_entry_id"),
                *("amount_untaxed", "amount_tax", "amount_total"),
            ],
        )

    def by_id(self, admin, model, ids, fields):
        found = admin(model, "read", sorted(ids), fields)
        return {one["id"]: one for one in found}

    def rows(self, delivery, answer):
        """The rows of a delivery: one for each return that it told of."""
        status, words = answer
        head = [delivery.label, f"{status} {words}"]
        if not delivery.ids:
            return [[*head, self.fate(delivery, answer)]]
        account = self.accounts[delivery.code]["id"]
        rows = []
        for external_id in delivery.ids:
            known = self.returns.get((account, external_id))
            told = self.cells(known) if known else ["not read yet"]
            rows.append([*head, *told])
            head = ["", ""]
        return rows

    def fate(self, delivery, answer):
        """What became of a delivery that tells nothing new."""
        if answer[0] != 200:
            return "not kept"
        account = self.accounts[delivery.code]["id"]
        error = self.errors.get((account, delivery.topic))
        if delivery.trick == "cut off" and error:
            return f"unreadable {self.wish(f'{delivery.topic}: {error}')}"
        return "nothing to do"

    def wish(self, words):
        """Note what a person is asked to do; the mark that points at it."""
        self.wishes.append(" ".join(words.split()))
        return f"[{len(self.wishes)}]"

    def cells(self, one):
        order = self.orders.get(one["sale_order_id"] and one["sale_order_id"][0])
        notes = [self.moves[move] for move in one["credit_note_ids"]]
        pickings = [self.pickings[picking] for picking in one["picking_ids"]]
        state = self.states[one["state"]]
        if one["missing"]:
            state += " " + self.wish(f"{one['name']}: {one['missing']}")
        return [
            state,
            order["client_order_ref"] if order else f"({one['order_ref']})",
            *self.invoice_cells(order, notes, pickings),
        ]

    def invoice_cells(self, order, notes, pickings):
        invoices = [
            self.moves[move]
            for move in (order["invoice_ids"] if order else [])
            if self.moves[move]["move_type"] == "out_invoice"
        ]
        return [
            ", ".join(move["name"] for move in invoices),
            ", ".join(picking_text(picking) for picking in pickings),
            ", ".join(move["name"] or move["state"] for move in notes),
            *(
                amount(sum(move[name] for move in notes)) if notes else ""
                for name in ("amount_untaxed", "amount_tax", "amount_total")
            ),
            amount(sum(move["amount_residual"] for move in invoices))
            if invoices
            else "",
        ]


def picking_text(picking):
    mark = {"done": "✓", "cancel": "✗"}.get(picking["state"], "…")
    return f"{picking['name']} {mark}"


def amount(value):
    return f"{value:.2f}"
