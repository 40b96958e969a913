from . import marketplace_logo
from . import marketplace_webhook
