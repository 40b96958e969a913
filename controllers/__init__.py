from . import marketplace_logo
from . import marketplace_webhook
from . import portal_reminder
