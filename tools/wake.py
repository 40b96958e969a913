"""Wakes the crons up once for many deliveries.

``ir.cron._trigger()`` opens a connection to the server's ``postgres`` database each
time it is committed: several times what it costs to store a delivery. Half a second of
deliveries therefore shares one. Should the process end before, nothing is lost: the
cron runs by itself every minute.
"""

import logging
import threading

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry

_logger = logging.getLogger(__name__)

DELAY = 0.5
_lock = threading.Lock()
_waiting = set()


def wake_later(dbname, xmlid):
    """Trigger a cron of a database soon, unless that is about to happen already.

    To be called after the commit of what the cron is to find.
    """
    with _lock:
        if (dbname, xmlid) in _waiting:
            return
        _waiting.add((dbname, xmlid))
    timer = threading.Timer(DELAY, _wake, (dbname, xmlid))
    timer.daemon = True
    timer.start()


def _wake(dbname, xmlid):
    with _lock:
        _waiting.discard((dbname, xmlid))
    try:
        with Registry(dbname).cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {}).ref(xmlid)._trigger()
    except Exception:
        _logger.warning("%s is not woken up: it runs by itself", xmlid, exc_info=True)
