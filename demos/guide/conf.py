"""Sphinx settings: `python -m sphinx -W -b html demos/guide OUTPUT`; the pages load nothing from elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "stepgrad"
copyright = "the stepgrad authors"  # Sphinx's name
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "public_names"]
html_theme = "furo"
html_title = "stepgrad"
html_static_path = ["static"]
html_css_files = ["guide.css"]  # wide pictures on phones
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_typehints = "none"  # the docstrings say it in words
autodoc_member_order = "groupwise"
autodoc_docstring_signature = False  # "tanh(x) = ..." is a formula
add_module_names = False
smartquotes_action = "D"  # dashes, but no quotes: "float64" is to be copied as it is
default_role = "code"  # as in the docstrings
napoleon_google_docstring = True
napoleon_use_rtype = False
napoleon_attr_annotations = False  # as for autodoc_typehints
