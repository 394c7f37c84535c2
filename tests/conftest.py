"""One hypothesis profile for all tests: the same examples every time, and no stop-watch."""

import os

# Before NumPy is imported: on matrices this small the threads of BLAS only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import matplotlib
import pytest
from hypothesis import settings

matplotlib.use("Agg")
pytest.register_assert_rewrite("cases", "laws")
settings.register_profile("book", derandomize=True, max_examples=30, deadline=None, database=None)
settings.load_profile("book")

# Begun first, the longest of all at the head, so that no worker waits for the rest: a file, and in
# it all cells of a notebook, goes to one worker.
LONGEST = (
    "test_course.py",  # with -m course
    "test_assignments.py",
    "test_known.py",
    "test_uncertainty.py",
    "test_search.py",
    "test_accelerate.py",
    "test_mixture.py",
    "test_variants.py",
    "test_scale.py",
    ".ipynb",
    "test_prior.py",
    "test_weights.py",
    "test_torture.py",
)


def pytest_ignore_collect(collection_path, config):
    """Do not import the claims, which fit models as they are imported, if nobody asks for them."""
    unasked = "not claims" in config.option.markexpr
    return True if unasked and collection_path.name == "claims" else None


def pytest_collection_modifyitems(items):
    def rank(item):
        name, last = item.path.name, len(LONGEST)
        return next((place for place in range(last) if name.endswith(LONGEST[place])), last)

    items.sort(key=rank)
