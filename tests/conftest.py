"""One hypothesis profile for all tests: the same examples every time, and no stop-watch."""

import os

# Before NumPy is imported: on matrices this small the threads of BLAS only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import matplotlib
import pytest
from hypothesis import settings

matplotlib.use("Agg")
pytest.register_assert_rewrite("cases", "laws")
settings.register_profile("book", derandomize=True, max_examples=50, deadline=None, database=None)
settings.load_profile("book")

LONGEST = ("test_course.py", "test_torture.py")  # begun first, so that no worker waits for the rest


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONGEST)
