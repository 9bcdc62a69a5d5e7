"""Settings of the test processes."""

import os

# Several test processes share the processors: threads that wait must sleep and not spin.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
