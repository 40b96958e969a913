from . import account_refund_reason
from . import account_move
from . import account_move_line
from . import account_move_return
from . import stock_move
from . import stock_picking
