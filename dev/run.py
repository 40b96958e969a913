"""Started by the commands beside it; the work is done in `setup/`."""

import sys

from setup.cli import main

sys.exit(main(sys.argv[1:]))
