"""Every snippet of the page "How do I ...?" runs, one after another, as a reader would run them."""

import re
import warnings
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "how-do-i.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)


def test_the_snippets_run_one_after_another():
    assert len(SNIPPETS) == PAGE.count("\n### ") + 1  # one a question, after the first lines
    names = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for snippet in SNIPPETS:
            exec(compile(snippet, "docs/how-do-i.md", "exec"), names)
