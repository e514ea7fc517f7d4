"""Starts the till from its own folder: `python -I` leaves that folder out of the import path, so it is added here.

No pathlib: it would cost start time here.
"""

import os.path
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120

from till.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
