"""``python -m bench``: every figure, in one table."""

from __future__ import annotations

import sys

from bench import coldstart, dynamo, http, where
from bench.table import report

sys.exit(report([*http.figures(), *coldstart.figures(), *dynamo.figures(), *where.figures()]))
