"""Faults are tried on the scripted parties, servers and drivers of the tests of whole runs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "flow"))
