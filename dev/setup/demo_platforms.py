"""The shops of the demonstration that are polled: small servers, and what they tell.

The orders are those of `demo/marketplace_platforms_demo.xml`, 60.50 a helmet with
21 % VAT.
"""

import copy
import time
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone

from connectors.tests.amazon_server import AmazonServer
from connectors.tests.bol_server import BolServer
from connectors.tests.ccv_shop_server import CcvShopServer
from connectors.tests.deliveries import payload

from .ui import say

KEYS = ("ck_demo", "cs_demo_secret")
SKU, EAN = "HELM-M", "8712345678906"
FIELDS = ["account_id", "external_id", "order_ref", "state", "amount_credited"]
PATIENCE = 60
ROW = "{:29} {:27} {:21} {:20} {:>8}"


def run(admin, wait):
    """Have the server poll three shops, and print what became of what they told.

    :param wait: waits until the crons have nothing more to do
    """
    found = admin.search_read(
        "marketplace.account",
        [("code", "in", ["bol", "amazon", "ccv_shop"])],
        ["code", "name"],
    )
    if not found:
        return
    accounts = {account["code"]: account for account in found}
    with ExitStack() as stack:
        for code, shop in shops().items():
            if code in accounts:
                server = stack.enter_context(shop)
                ids = [accounts[code]["id"]]
                values = {"base_url": server.url}
                admin("marketplace.account", "write", ids, values)
                admin("marketplace.account", "action_fetch_now", ids)
        say(f"• the server polls {len(accounts)} shops")
        wait_for_polls(admin, accounts)
        wait(admin, accounts)
    show(admin, accounts)


def shops():
    """The servers, with a return or a refund in each."""
    bol, ccv = BolServer(0, *KEYS), CcvShopServer(0, *KEYS)
    amazon = AmazonServer(0, *KEYS, refresh_token="demo-token")
    bol.add_return(bol_return())
    amazon.add_event(amazon_refund())
    told = payload("ccv_shop_return_credited")
    ccv.add("returns", ccv_return(told["return"]), ccv_rows(told["rows"]))
    return {"bol": bol, "amazon": amazon, "ccv_shop": ccv}


def ago(**time_ago):
    return (datetime.now(timezone.utc) - timedelta(**time_ago)).strftime("%FT%TZ")


def bol_return():
    data = copy.deepcopy(payload("bol_return_open"))
    data |= {"returnId": "31000001", "registrationDateTime": ago(days=2)}
    item = data["returnItems"][0] | {"orderId": "4000000001", "ean": EAN}
    data["returnItems"] = [item | {"expectedQuantity": 1}]
    return data


def amazon_refund():
    data = copy.deepcopy(payload("amazon_refund_full")) | {"PostedDate": ago(hours=1)}
    item = data["ShipmentItemAdjustmentList"][0] | {"SellerSKU": SKU}
    amounts = {"Principal": -50.0, "Tax": -10.5}
    item["ItemChargeAdjustmentList"] = [
        {
            "ChargeType": name,
            "ChargeAmount": {"CurrencyCode": "EUR", "CurrencyAmount": amount},
        }
        for name, amount in amounts.items()
    ]
    return data | {"ShipmentItemAdjustmentList": [item]}


def ccv_return(data):
    amounts = {"total_price_inc_tax": 60.5, "total_price_exc_tax": 50.0}
    amounts |= {"total_price": 60.5, "total_tax": 10.5}
    return data | amounts | {"create_date": ago(days=2)}


def ccv_rows(rows):
    row = rows[0] | {"product_number": SKU, "sub_ean_number": EAN, "discount": 0}
    return [row | {name: 60.5 for name in row if "price" in name}]


def wait_for_polls(admin, accounts):
    """Until each shop was asked, or refused."""
    ids = [account["id"] for account in accounts.values()]
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        asked = ["|", ("last_poll", "!=", False), ("poll_error", "!=", False)]
        count = admin(
            "marketplace.account", "search_count", [("id", "in", ids), *asked]
        )
        if count == len(ids):
            return
        time.sleep(0.5)


def show(admin, accounts):
    """A line for each return of the shops that were polled, and each shop's trouble."""
    ids = [account["id"] for account in accounts.values()]
    found = admin.search_read("marketplace.return", [("account_id", "in", ids)], FIELDS)
    told = admin("marketplace.return", "fields_get", ["state"])["state"]["selection"]
    states = dict(told)
    say("")
    say(ROW.format("shop", "what it told", "order", "what became of it", "credited"))
    for one in found:
        credited = f"{one['amount_credited']:.2f}"
        say(
            ROW.format(
                one["account_id"][1],
                one["external_id"],
                one["order_ref"],
                states[one["state"]],
                credited,
            )
        )
    failed = admin.search_read(
        "marketplace.account",
        [("id", "in", ids), ("poll_error", "!=", False)],
        ["name", "poll_error"],
    )
    for account in failed:
        say(f"  {account['name']}: {account['poll_error']}")
