"""Fixtures that every test may use."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from databases import database, empty_database, postgres
from footage import footage

__all__ = ["database", "empty_database", "footage", "postgres"]
