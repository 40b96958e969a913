"""WooCommerce, REST API v3."""

from __future__ import annotations

from ..notices import Ping
from .base import Credential, Marketplace


class WooCommerce(Marketplace):
    """A WooCommerce shop: webhook order.updated names refunds, the shop tells them."""

    code = "woocommerce"
    label = "WooCommerce"
    credential_fields = (
        Credential("base_url", "Shop address", secret=False),
        Credential("api_key", "Consumer key"),
        Credential("api_secret", "Consumer secret"),
        Credential("webhook_secret", "Webhook secret"),
        Credential(
            "webhook_secret_previous", "Previous webhook secret", required=False
        ),
    )

    def _check_signature(self, headers, body):
        self._check_hmac_sha256(headers.get("x-wc-webhook-signature"), body)

    def _topic(self, headers):
        return headers.get("x-wc-webhook-topic", "")

    def _event(self, topic, headers, data):
        return self._unreadable_event(topic, headers, b"")

    def _notices(self, topic, data):
        return []

    def _ping(self, headers, body):
        if body.startswith(b"webhook_id=") and body[11:].isdigit():
            return Ping("webhook created")
        return None
