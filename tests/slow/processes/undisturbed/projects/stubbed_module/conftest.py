"""The client's module is replaced before the application is imported."""

import sys
from unittest.mock import MagicMock

sys.modules["google.cloud.tasks_v2"] = MagicMock()
