"""The site of the documentation: Sphinx reads the Markdown pages where they lie. ``scripts/docs`` builds it.

The folder of sources is the checkout itself, so that links from ``docs/`` to ``deploy/`` and ``SECURITY.md`` lead to
pages.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "engage-server"
author = "the engage-server authors"
project_copyright = "2026, the engage-server authors"

extensions = ["myst_parser", "navigation", "own_assets"]
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "deploy/*/README.md",
    "deploy/helm/*/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
]
# tests/assets and virtual environments have Markdown of their own, and looking into them costs time
exclude_patterns = ["docs/site", ".*", "build", "certs", "data", "engage_server", "tests"]

myst_heading_anchors = 4
nitpicky = True
smartquotes = False  # "--" is how options begin
highlight_language = "none"  # most blocks show commands and what they print

html_theme = "furo"
html_title = "engage-server"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["extra"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
pygments_style = "default"
pygments_dark_style = "monokai"
