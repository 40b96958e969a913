from . import (
    account_move_reversal,
    account_move_reversal_line,
    account_move_reversal_net_of_tax,
    account_move_reversal_preview,
)
from . import stock_return_picking
from . import sale_order_return
from . import marketplace_fetch
from . import credit_note_export
from . import sale_advance_payment_inv
from . import sale_order_cancel
from . import account_discount_credit
from . import account_refund_refusal
from . import account_reminder_answer
from . import oss_correction_export
