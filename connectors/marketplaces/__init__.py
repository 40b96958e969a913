"""The marketplaces: one line for each."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import Refused
from .base import Credential, Marketplace
from .shopify import Shopify
from .woocommerce import WooCommerce

registry: dict[str, type[Marketplace]] = {
    provider.code: provider for provider in (Shopify, WooCommerce)
}


def get(code: str, settings: Mapping[str, str]) -> Marketplace:
    """The marketplace `code` with an account's settings; raises `Refused`."""
    if code not in registry:
        raise Refused(f"No such marketplace: {code}")
    return registry[code](settings)


__all__ = ["Credential", "Marketplace", "get", "registry"]
