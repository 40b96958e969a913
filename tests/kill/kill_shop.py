"""The shop of the kill tests: takes the place of a marketplace in their processes.

Run as a program, with Odoo's script and its arguments, it is an Odoo server that knows
this shop.
"""

import os
import sys
from decimal import Decimal

SKU = "KILL-CHAIR"
SECRET = "hush"


def install():
    """Let the first of the marketplaces be this shop; returns its code."""
    from odoo.addons.avoir.connectors import marketplaces
    from odoo.addons.avoir.connectors.marketplaces.base import Credential
    from odoo.addons.avoir.connectors.notices import (
        Fetched,
        IncomingEvent,
        Money,
        Page,
        ReturnLine,
        ReturnNotice,
    )

    code = next(iter(marketplaces.registry))

    class Shop(marketplaces.Marketplace):
        """Its messages are the number of an order, of which one chair comes back."""

        label = "Kill"
        credential_fields = (Credential("webhook_secret", "Secret"),)

        def read(self, body, topic):
            number = body.decode().strip('"')
            line = ReturnLine(
                external_id="1",
                sku=SKU,
                quantity=Decimal(1),
                untaxed=Money(Decimal(100), topic),
                tax=Money(Decimal(0), topic),
                goods_expected=True,
            )
            return [
                ReturnNotice(
                    external_id=f"refund:{number}",
                    kind="refund",
                    state="refunded",
                    order_refs=(number,),
                    currency=topic,
                    lines=(line,),
                    total=Money(Decimal(100), topic),
                    goods_expected=True,
                )
            ]

        def poll_pages(self, cursor, since, until=None):
            numbers = os.environ.get("POLLED", "").split()
            for place in range(int(cursor or 0), len(numbers)):
                number, currency = numbers[place].split(":")
                event = IncomingEvent(event_key=number, topic=currency)
                following = str(place + 1) if place + 1 < len(numbers) else ""
                yield Page((Fetched(event, number.encode()),), following)

        def _check_signature(self, headers, body):
            self._check_hmac_sha256(headers.get("x-kill-signature"), body)

        def _topic(self, headers):
            return headers["x-kill-currency"]

        def _event(self, topic, headers, data):
            return IncomingEvent(event_key=data, topic=topic)

        def _notices(self, topic, data):
            return []

    Shop.code = code
    marketplaces.registry[code] = Shop
    return code


def serve():
    """Start the Odoo server that is named by the arguments."""
    sys.argv = sys.argv[1:]
    sys.path.insert(0, os.path.dirname(sys.argv[0]))
    import odoo.cli
    from odoo.service import server

    start = server.start

    def start_with_shop(*args, **kwargs):
        install()
        return start(*args, **kwargs)

    server.start = start_with_shop
    odoo.cli.main()


if __name__ == "__main__":
    serve()
