"""./dev/odoo: Odoo with this set-up; the arguments are Odoo's own."""

import os

from . import runtime


def main(arguments):
    ready = runtime.prepare()
    command = ready.command(*arguments)
    os.execve(command[0], command, ready.environment())
