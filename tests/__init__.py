from . import test_stock_return
