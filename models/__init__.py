from . import account_refund_reason
from . import account_move
from . import account_move_line
