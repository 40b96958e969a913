"""The story that ./dev/demo tells: what is posted, what becomes of it, the table."""

import json
import sys
import time
import urllib.error
import urllib.request

from . import demo_deliveries, demo_table, paths
from .ui import Problem, Progress, say

sys.path.insert(0, str(paths.ROOT))

from connectors.tests import deliveries  # noqa: E402
from connectors.tests.shop_server import ShopServer  # noqa: E402

from . import demo_platforms  # noqa: E402

# Role, login, password: made by demo/res_users_demo.xml, printed at the end.
USERS = [
    ("Administrator", "admin", "admin"),
    ("Accountant", "accountant", "accountant"),
    ("Customer service", "service", "service"),
    ("Warehouse", "warehouse", "warehouse"),
    ("Sales", "sales", "sales"),
]
COMPANIES = ("Fietsen & Zonen", "Théières de Lyon")
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
    demo_table.show(admin, accounts, told, answers)
    demo_platforms.run(admin, wait_for_the_crons)


class Odoo:
    """One user at the server, as the web client speaks to it, in both companies."""

    def __init__(self, context, login):
        self.base_url = context.base_url
        cookies = urllib.request.HTTPCookieProcessor()
        self.opener = urllib.request.build_opener(cookies)
        password = next(word for _role, name, word in USERS if name == login)
        self.companies = []
        try:
            identity = {"db": context.database, "login": login, "password": password}
            self.user = self.call("/web/session/authenticate", identity)["uid"]
        except Refused as error:
            raise Problem(
                f"the user {login} cannot log in with the password of the "
                f"demonstration ({error}). Make it anew: ./dev/demo --fresh"
            ) from None
        self.companies = self.find_companies()

    def call(self, path, params):
        """The result of a JSON-RPC call; raises `Refused` with Odoo's words."""
        body = json.dumps({"jsonrpc": "2.0", "params": params}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.base_url + path, body, headers)
        with self.opener.open(request, timeout=PATIENCE) as answer:
            told = json.load(answer)
        if "error" in told:
            raise Refused(told["error"].get("data", {}).get("message", "refused"))
        return told["result"]

    def __call__(self, model, method, *arguments, **options):
        if self.companies:
            options["context"] = {"allowed_company_ids": self.companies}
        return self.call(
            f"/web/dataset/call_kw/{model}/{method}",
            {
                "model": model,
                "method": method,
                "args": arguments,
                "kwargs": options,
            },
        )

    def find_companies(self):
        """The companies of the demo data that the user may work in."""
        [user] = self("res.users", "read", [self.user], ["company_ids"])
        found = self("res.company", "read", user["company_ids"], ["name"])
        return [one["id"] for one in found if one["name"] in COMPANIES]

    def search_read(self, model, domain, fields, order="id"):
        return self(model, "search_read", domain, fields, order=order)


class Refused(Exception):
    """Odoo does not do what was asked."""


def prepare_accounts(admin, shop_url):
    """{code: account} of the demo data, asking the shop that answers now."""
    found = admin.search_read(
        "marketplace.account",
        [
            ("company_id", "in", admin.companies),
            ("code", "in", list(demo_deliveries.SECRETS)),
        ],
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
        data = deliveries.raw(data)[:25]
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
