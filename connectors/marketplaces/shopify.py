"""Shopify."""

from __future__ import annotations

from .base import Credential, Marketplace


class Shopify(Marketplace):
    """A Shopify shop: refunds come whole, returns thin and are fetched."""

    code = "shopify"
    label = "Shopify"
    credential_fields = (
        Credential("base_url", "Shop address", secret=False),
        Credential("access_token", "Admin API access token"),
        Credential("webhook_secret", "App client secret"),
        Credential("webhook_secret_previous", "Previous client secret", required=False),
    )

    def _check_signature(self, headers, body):
        signature = headers.get("x-shopify-hmac-sha256")
        self._check_hmac_sha256(signature or headers.get("shopify-hmac-sha256"), body)

    def _topic(self, headers):
        return headers.get("x-shopify-topic") or headers.get("shopify-topic", "")

    def _event(self, topic, headers, data):
        return self._unreadable_event(topic, headers, b"")

    def _notices(self, topic, data):
        return []
