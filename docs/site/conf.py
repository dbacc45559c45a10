# SPDX-License-Identifier: MIT
"""Sphinx's configuration: pages by MyST, the reference by Breathe from Doxygen's XML. build-site.py lays out the
source folder and passes the version and the place of the XML."""
import os

project = 'libawait'
copyright = 'the libawait authors'  # noqa: A001 (Sphinx's name)
release = version = os.environ['AWAIT_SITE_VERSION']

extensions = ['myst_parser', 'breathe']
# The pages of headers are reStructuredText: in Markdown, Breathe's references do not become links.
source_suffix = {'.md': 'markdown', '.rst': 'restructuredtext'}
root_doc = 'index'
# It is the front page: index.md includes it.
exclude_patterns = ['README.md']

myst_heading_anchors = 4

breathe_projects = {'libawait': os.environ['AWAIT_SITE_XML']}
breathe_default_project = 'libawait'
breathe_domain_by_extension = {'h': 'c'}
breathe_show_include = False
primary_domain = 'c'
highlight_language = 'none'
# C has no scopes: an enumerator that two pages mention is one thing.
suppress_warnings = ['duplicate_declaration.c']

html_theme = 'furo'
html_title = f'libawait {release}'
html_static_path = ['_static']
html_css_files = ['site.css']
html_copy_source = False
html_show_sourcelink = False
