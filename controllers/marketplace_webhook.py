import json
import logging
from functools import partial

import psycopg2
from werkzeug.exceptions import RequestEntityTooLarge

from odoo import SUPERUSER_ID, http
from odoo.http import request

from ..connectors.errors import ConnectorError, Untrusted
from ..connectors.notices import Ping
from ..tools.wake import wake_later

_logger = logging.getLogger(__name__)

# Headers that are kept with a message, for whoever looks into it later.
KEPT_HEADERS = ("content-type", "user-agent")
KEPT_PREFIX = "x-"
# Parts of names of headers that may hold something secret, or that sign.
SECRET_PARTS = ("auth", "cookie", "hmac", "key", "password", "secret", "sign", "token")
LONGEST_HEADER = 500


class WebhookDispatcher(http.HttpDispatcher):
    """Leaves the body as it is, whatever its content type: it is what was signed."""

    routing_type = "avoir_webhook"

    @classmethod
    def is_compatible_with(cls, _request):
        return True

    def dispatch(self, endpoint, args):
        self.request.params = args
        return self.request.registry["ir.http"]._dispatch(endpoint)


class MarketplaceWebhook(http.Controller):
    """The one address for the deliveries of all marketplaces."""

    @http.route(
        "/avoir/webhook/<string:key>",
        type=WebhookDispatcher.routing_type,
        auth="none",
        methods=["POST"],
        csrf=False,
        save_session=False,
        readonly=False,
    )
    def receive(self, key):
        """Keep a delivery, once, and answer at once; it is read later.

        404: no such account; 413: too large; 401: not signed as agreed, and not kept;
        503: the marketplace's keys cannot be had at the moment, it is to come again.
        """
        messages = request.env(user=SUPERUSER_ID, su=True)["marketplace.message"]
        account = messages.env["marketplace.account"]._find_webhook_account(key)
        if account is None:
            return _answer("unknown", 404)
        body = _read_body(account.max_size)
        if body is None:
            return _answer("too large", 413)
        headers = request.httprequest.headers
        accounts = messages.env["marketplace.account"]
        try:
            # Where the signature is made with the marketplace's own key, this key may
            # have to be fetched first; it is kept for the deliveries that follow.
            with accounts._open_connector(account.code, account.settings) as shop:
                event = shop.verify(headers, body)
        except Untrusted as error:
            _logger.warning("Delivery to account %s refused: %s", account.id, error)
            return _answer("not trusted", 401)
        except ConnectorError as error:
            _logger.warning("Delivery to account %s not checked: %s", account.id, error)
            return _answer("try again", 503)
        if isinstance(event, Ping) or not event.wanted:
            return _answer("ok")
        delivery = (event, body, _keep_headers(headers))
        return _answer("ok" if _store(messages, account, delivery) else "known")


def _read_body(max_size):
    """The raw body, or None when it is larger than the account takes."""
    httprequest = request.httprequest
    if (httprequest.content_length or 0) > max_size:
        return None
    httprequest.max_content_length = max_size
    try:
        return httprequest.get_data(cache=False, parse_form_data=False)
    except RequestEntityTooLarge:
        return None


def _store(messages, account, delivery):
    """Store a delivery and have it read soon, unless it is there already.

    Where another connection stores the same one at this very moment, PostgreSQL may
    refuse this transaction, which began before: in a new one the message is in sight.
    """
    args = (account.id, account.company_id, [delivery])
    try:
        stored = messages._insert_once(*args)
    except psycopg2.errors.SerializationFailure:
        messages.env.cr.rollback()
        stored = messages._insert_once(*args)
    if stored:
        cr = messages.env.cr
        cr.postcommit.add(partial(wake_later, cr.dbname, messages._READING_CRON))
    return stored


def _keep_headers(headers):
    """The headers that may help later, without those that may hold a secret."""
    kept = {
        name: value[:LONGEST_HEADER]
        for name, value in headers.items()
        if name.lower() in KEPT_HEADERS or name.lower().startswith(KEPT_PREFIX)
        if not any(part in name.lower() for part in SECRET_PARTS)
    }
    return json.dumps(kept, indent=1)


def _answer(text, status=200):
    return request.make_response(
        text,
        [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")],
        status=status,
    )
