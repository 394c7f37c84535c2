"""Sphinx's settings of the web edition. `python docs/build.py` makes its sources, then runs it."""

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent / "notebooks"), str(DOCS.parent / "tests")]

import refresh  # noqa: E402

project = "Expectation-Maximization, from the ELBO up"
author = "The EM book authors"
copyright = f"{author}. Text and figures CC BY 4.0, code BSD-3-Clause"
language = "en"
root_doc = "index"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinxcontrib.bibtex",
    "embook",
    "finish",
]
suppress_warnings = ["config.cache"]

# Chapters: as committed, never run.
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
nb_ipywidgets_js = {}  # sliders are players: see sources.py
nb_merge_streams = True

# The reference.
autodoc_preserve_defaults = True  # a function as its name, not by its place in memory
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_type_aliases = {"FloatArray": "ndarray", "ArrayLike": "array_like"}
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
default_role = "py:obj"
add_module_names = False
viewcode_line_numbers = True
python_use_unqualified_type_names = True

# Works.
bibtex_bibfiles = ["references.bib"]
bibtex_cite_id = "cite-{key}"
bibtex_default_style = "plain"

# Maths, from the pages' own files.
mathjax_path = "mathjax/tex-chtml.js"
mathjax_config_path = "mathjax.js"

# Looks.
html_theme = "sphinx_book_theme"
html_title = project
html_short_title = "EM"
html_static_path = ["_static", "build/static"]
html_css_files = ["fonts/fonts.css", "icons.css", "book.css", "play.css"]
html_js_files = [(name, {"defer": "defer"}) for name in ("book.js", "play.js", "reading.js")]
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = None
html_favicon = "_static/favicon.svg"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "home_page_in_toc": False,
    "show_navbar_depth": 1,
    "show_toc_level": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "use_repository_button": True,
    "use_issues_button": True,
    "repository_url": refresh.repository(),
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "search_bar_text": "Search the book",
    "toc_title": "On this page",
    "navbar_start": [],
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
    "logo": {"text": project},
}
