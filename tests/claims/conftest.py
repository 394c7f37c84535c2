"""The empirical sentences of the book, each repeated with other seeds than the chapters use.

A function is one sentence of the prose, quoted in its docstring; it fails if the sentence would be
false with `seeds`. CLAIM_SEED=1 python -m pytest -m claims tests/claims tries other seeds again.
"""

import os
import warnings
from collections.abc import Iterator

import pytest

from emlib import DegenerateWarning, SpuriousWarning


@pytest.fixture
def seeds() -> list[int]:
    """Ten seeds that no chapter has used."""
    first = 1000 * int(os.environ.get("CLAIM_SEED", "1")) + 500
    return list(range(first, first + 10))


@pytest.fixture
def no_warnings() -> Iterator[None]:
    """Let runs collapse, or earn doubts, without a word: many of them are part of the matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        warnings.simplefilter("ignore", SpuriousWarning)
        yield


def pytest_collection_modifyitems(items):
    for item in items:
        if "claims" in item.path.parts:
            item.add_marker(pytest.mark.claims)
