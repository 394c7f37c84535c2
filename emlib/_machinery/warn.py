"""Warnings that point at the line of the user, however deep in the library they arise."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

HERE = str(Path(__file__).parents[1])  # the folder of emlib


def warn(message: str, category: type[Warning]) -> None:
    """Warn of what a call into this library has come to, at the line that made the call."""
    level = 1
    while sys._getframe(level).f_code.co_filename.startswith(HERE):
        level += 1
    warnings.warn(message, category, stacklevel=level + 1)
