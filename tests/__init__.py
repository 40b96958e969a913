from . import test_stock_return
from . import test_credit_note
from . import test_credit_note_properties
from . import test_reversal_wizard
from . import test_sale_quantities
from . import test_order_credit_note
from . import test_cost_of_goods
