"""The time that tokens, keys and attempts go by: seconds since 1970, and another's where a test says so."""

from __future__ import annotations

import time
from collections.abc import Callable

now: Callable[[], float] = time.time
