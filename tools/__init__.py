from . import allotment, credit
