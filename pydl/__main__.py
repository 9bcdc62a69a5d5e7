"""`python -m pydl` is the `pydl` command."""

import sys

from .cli import main

sys.exit(main())
