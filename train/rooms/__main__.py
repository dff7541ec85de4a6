"""python -m train.rooms."""

from __future__ import annotations

import sys

from train.rooms.make import main

if __name__ == "__main__":  # workers are spawned, and import this module again
    sys.exit(main())
