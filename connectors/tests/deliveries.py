"""Deliveries as the marketplaces send them: body, headers, signature.

For the tests here, Odoo's own tests, the demonstration and the kill tests. Needs the
standard library only, and signs by itself: a second opinion on the signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

PAYLOADS = Path(__file__).parent / "payloads"


def payload(name: str) -> Any:
    """The content of payloads/<name>.json."""
    return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))


def raw(data: Any) -> bytes:
    """The bytes of a body; bytes stay as they are."""
    return data if isinstance(data, bytes) else json.dumps(data).encode()


def signature(secret: str, body: bytes) -> str:
    """base64(HMAC-SHA256(raw body, secret)), as both marketplaces document it."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def shopify(data: Any, topic: str, secret: str, **headers: str):
    """(headers, body) of a signed delivery of Shopify."""
    body = raw(data)
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": signature(secret, body),
        "X-Shopify-API-Version": "2026-07",
        "X-Shopify-Webhook-Id": "11111111-2222-3333-4444-555555555555",
        "X-Shopify-Triggered-At": "2026-03-02T10:15:30.123456789Z",
        **headers,
    }, body


def woocommerce(data: Any, topic: str, secret: str, **headers: str):
    """(headers, body) of a signed delivery of WooCommerce."""
    body = raw(data)
    return {
        "Content-Type": "application/json",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Signature": signature(secret, body),
        "X-WC-Webhook-ID": "5",
        "X-WC-Webhook-Delivery-ID": "0123456789abcdef",
        **headers,
    }, body


SIGNED = {"shopify": shopify, "woocommerce": woocommerce}
