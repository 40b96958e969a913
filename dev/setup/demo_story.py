"""The story that ./dev/demo tells: what is posted, what becomes of it, the table."""

import sys
import time
import urllib.error
import urllib.request
import xmlrpc.client

from . import demo_deliveries, paths
from .ui import Problem, Progress, say

sys.path.insert(0, str(paths.ROOT))

from connectors.tests import deliveries  # noqa: E402
from connectors.tests.shop_server import ShopServer  # noqa: E402

# Role, login, password: made by demo/res_users_demo.xml, printed at the end.
USERS = [
    ("Administrator", "admin", "admin"),
    ("Accountant", "accountant", "accountant"),
    ("Customer service", "service", "service"),
    ("Warehouse", "warehouse", "warehouse"),
]
# Orders whose goods the warehouse receives; the others can be received by hand.
RECEIVED = ["#1001", "#1002", "#1005"]
UNDER_WAY = ["new", "matched", "approved", "received"]
PATIENCE = 120  # seconds until the crons have done their work


def run(context):
    """Do the main job of avoir on real input and print what became of it.

    Called at every ./dev/demo, with the server running; what was done before must
    not be done twice. `context` has:

    base_url   where the server answers, e.g. http://localhost:8069
    database   the name of the demonstration's database
    fresh      True when the database has just been made
    shell(code)  run Python in `odoo shell` (`env` is there; commit it): what it prints
    runtime    command(*arguments), environment(): how to start Odoo beside the server
    databases  server.query(sql, database): rows of text, for reading
    """
    admin = Odoo(context, "admin")
    warehouse = Odoo(context, "warehouse")
    told = demo_deliveries.story()
    with ShopServer(**demo_deliveries.SHOP) as shop:
        demo_deliveries.fill(shop)
        accounts = prepare_accounts(admin, shop.url)
        say(f"• posting {len(told)} deliveries of two shops, signed and not")
        answers = [post(context, accounts[one.code], one) for one in told]
        wait_for_the_crons(admin, accounts)
        if receive(warehouse):
            wait_for_the_crons(admin, accounts)
    show(admin, accounts, told, answers)


class Odoo:
    """One user at the server, in both companies of the story."""

    def __init__(self, context, login):
        password = next(word for _role, name, word in USERS if name == login)
        common = xmlrpc.client.ServerProxy(f"{context.base_url}/xmlrpc/2/common")
        user = common.authenticate(context.database, login, password, {})
        if not user:
            raise Problem(
                f"the user {login} cannot log in with the password of the "
                "demonstration. Make it anew: ./dev/demo --fresh"
            )
        self.identity = (context.database, user, password)
        self.models = xmlrpc.client.ServerProxy(
            f"{context.base_url}/xmlrpc/2/object", allow_none=True
        )
        self.companies = self.ids_of("demo_company_nl", "demo_company_fr")

    def __call__(self, model, method, *arguments, **options):
        if companies := getattr(self, "companies", None):
            options["context"] = {"allowed_company_ids": companies}
        return self.models.execute_kw(*self.identity, model, method, arguments, options)

    def ids_of(self, *names):
        """The ids of companies of the demo data, by the end of their XML id."""
        found = self("res.users", "read", [self.identity[1]], ["company_ids"])
        companies = self("res.company", "read", found[0]["company_ids"], ["name"])
        wanted = {"demo_company_nl": "Fietsen", "demo_company_fr": "Théières"}
        return [
            company["id"]
            for name in names
            for company in companies
            if company["name"].startswith(wanted[name])
        ]

    def search_read(self, model, domain, fields, order="id"):
        return self(model, "search_read", domain, fields, order=order)


def prepare_accounts(admin, shop_url):
    """{code: account} of the demo data, asking the shop that answers now."""
    found = admin.search_read(
        "marketplace.account",
        [("company_id", "in", admin.companies)],
        ["code", "name", "webhook_key", "base_url"],
    )
    if not found:
        raise Problem("the demo data is not there. Make it anew: ./dev/demo --fresh")
    ids = [account["id"] for account in found]
    admin("marketplace.account", "write", ids, {"base_url": shop_url})
    return {account["code"]: account for account in found}


def post(context, account, delivery):
    """Post a delivery as the marketplace does; its HTTP status and the answer."""
    secret = demo_deliveries.SECRETS[account["code"]]
    if delivery.trick == "forged":
        secret = "not the secret"
    data = delivery.data
    if delivery.trick == "cut off":
        data = deliveries.raw(data)[:100]
    headers, body = deliveries.SIGNED[account["code"]](data, delivery.topic, secret)
    if delivery.trick == "unsigned":
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        headers, body = form, b"webhook_id=5"
    url = f"{context.base_url}/avoir/webhook/{account['webhook_key']}"
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def wait_for_the_crons(admin, accounts):
    """Until every message is read and every return is as far as it goes by itself."""
    ids = [account["id"] for account in accounts.values()]
    mine = ("account_id", "in", ids)
    end = time.monotonic() + PATIENCE
    with Progress("the server works"):
        while time.monotonic() < end:
            unread = admin(
                "marketplace.message",
                "search_count",
                [mine, ("state", "=", "new"), ("next_try", "=", False)],
            )
            under_way = [mine, ("state", "in", UNDER_WAY), ("is_waiting", "=", False)]
            if not unread and not admin(
                "marketplace.return", "search_count", under_way
            ):
                return
            time.sleep(0.3)
    say("  the server is not done yet: the table shows how far it is")


def receive(warehouse):
    """The warehouse receives what it expects; whether there was anything."""
    pickings = warehouse(
        "stock.picking",
        "search",
        [
            ("state", "=", "assigned"),
            ("return_id", "!=", False),
            ("sale_id.client_order_ref", "in", RECEIVED),
        ],
    )
    if pickings:
        say(f"• the warehouse receives {len(pickings)} return(s)")
        warehouse("stock.picking", "button_validate", pickings)
    return pickings


# The table ----------------------------------------------------------------------

COLUMNS = (
    ("delivery", 33),
    ("answer", 11),
    ("what became of it", 19),
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
    rows, wishes = [], []
    for code, account in accounts.items():
        rows.append([account["name"]])
        for delivery, answer in zip(told, answers, strict=True):
            if delivery.code == code:
                rows += found.rows(delivery, answer)
    wishes = found.wishes()
    say()
    print_row([name for name, _width in COLUMNS])
    print_row(["─" * width for _name, width in COLUMNS])
    for row in rows:
        print_row(row)
    say()
    say("“open” is what is left to pay on the invoice.")
    if wishes:
        say("What waits for a person:")
        for wish in wishes:
            say(f"  {wish}")


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
        self.returns = {
            (one["account_id"][0], one["external_id"]): one
            for one in admin.search_read(
                "marketplace.return",
                mine,
                [
                    *("account_id", "external_id", "state", "missing", "name"),
                    *("sale_order_id", "invoice_id", "picking_ids", "credit_note_ids"),
                ],
            )
        }
        self.errors = admin.search_read(
            "marketplace.message", [*mine, ("state", "=", "error")], ["error"]
        )
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
        if delivery.trick == "cut off":
            return "kept, unreadable"
        return "nothing to do"

    def cells(self, one):
        order = self.orders.get(one["sale_order_id"] and one["sale_order_id"][0])
        notes = [self.moves[move] for move in one["credit_note_ids"]]
        pickings = [self.pickings[picking] for picking in one["picking_ids"]]
        state = self.states[one["state"]]
        return [
            f"{state}: see below" if one["missing"] else state,
            order["client_order_ref"] if order else "",
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

    def wishes(self):
        """What people are asked to do."""
        wishes = [
            f"{one['name']}: {' '.join(one['missing'].split())}"
            for one in self.returns.values()
            if one["missing"]
        ]
        return wishes + [f"message: {one['error']}" for one in self.errors]


def picking_text(picking):
    mark = {"done": "✓", "cancel": "✗"}.get(picking["state"], "…")
    return f"{picking['name']} {mark}"


def amount(value):
    return f"{value:.2f}"
