from . import marketplace_logo
from . import marketplace_webhook
from . import audit_report
from . import credit_note_export
from . import portal_reminder
