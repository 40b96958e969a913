from . import account_refund_reason
