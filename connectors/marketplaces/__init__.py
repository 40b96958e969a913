"""The marketplaces: one line for each."""

from __future__ import annotations

from collections.abc import Mapping

from ..cache import Cache, Memory
from ..errors import Refused
from ..marks import _lt
from .amazon import Amazon
from .base import Marketplace
from .bol import Bol
from .ccv_shop import CcvShop
from .fields import Credential, Option
from .shopify import Shopify
from .woocommerce import WooCommerce

registry: dict[str, type[Marketplace]] = {
    provider.code: provider for provider in (Amazon, Bol, CcvShop, Shopify, WooCommerce)
}


def get(
    code: str, settings: Mapping[str, str], cache: Cache | None = None
) -> Marketplace:
    """The marketplace `code` with an account's settings; raises `Refused`.

    `cache` keeps tokens and public keys; one may serve all accounts.
    """
    if code not in registry:
        raise Refused(_lt("No such marketplace: %(code)s"), code=code)
    return registry[code](settings, cache=cache)


__all__ = ["Cache", "Credential", "Marketplace", "Memory", "Option", "get", "registry"]
