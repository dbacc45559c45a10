# SPDX-License-Identifier: MIT
"""The site: the pages of docs/ by MyST, the reference by Breathe from Doxygen's XML. build-site.py lays out the source folder and says where the XML is."""
import os

project = 'libawait'
copyright = 'the libawait authors'  # noqa: A001 (Sphinx's name)
release = version = os.environ['AWAIT_SITE_VERSION']

extensions = ['myst_parser', 'breathe']
source_suffix = {'.md': 'markdown'}

myst_enable_extensions = ['colon_fence', 'deflist']
myst_heading_anchors = 3

breathe_projects = {'libawait': os.environ['AWAIT_SITE_XML']}
breathe_default_project = 'libawait'
breathe_domain_by_extension = {'h': 'c'}
primary_domain = 'c'
highlight_language = 'none'
# Doxygen sees the declarations without their attributes, and so does the C domain.
c_id_attributes = ['AW_API', 'AW_NODISCARD']
# C has no scopes: an enumerator that two pages mention is one thing.
suppress_warnings = ['duplicate_declaration.c', 'myst.xref_missing']

html_theme = 'furo'
html_title = f'libawait {release}'
html_static_path = ['_static']
html_css_files = ['site.css']
html_copy_source = False
html_show_sourcelink = False
