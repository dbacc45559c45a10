#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the contents of the site: every page is in the table of contents, and every file that a page names
exists. With --site, also what was built: every internal link leads to a page and an anchor that exist, every page
is in the contents, and every public function is in the reference and has a manual page.

usage: check-site.py [--site FOLDER] [HEADER…]
"""
import argparse
import html.parser
import pathlib
import re
import sys
import urllib.parse

import manual

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOCTREE = re.compile(r'^```\{toctree\}\n(.*?)^```$', re.M | re.S)

passed = failed = 0


def check(what, holds):
    global passed, failed
    passed += bool(holds)
    failed += not holds
    if not holds:
        print(f'FAILED: {what}')


def check_contents():
    """Each page of docs/ is named once; the chapters of the guide are below its README, by their numbers."""
    index = (ROOT / 'docs' / 'site' / 'index.md').read_text()
    entries = [re.sub(r'.*<(.*)>', r'\1', line) for tree in TOCTREE.findall(index) for line in tree.splitlines() if line and line[0] != ':']
    for page in sorted((ROOT / 'docs').glob('*.md')):
        check(f'docs/{page.name}: once in docs/site/index.md', entries.count(f'docs/{page.stem}') == 1)
    chapters = (ROOT / 'docs' / 'guide' / 'README.md').read_text()
    for chapter in sorted((ROOT / 'docs' / 'guide').glob('*.md')):
        check(f'guide/{chapter.name}: in its contents', chapter.stem == 'README' or f']({chapter.name})' in chapters)
    for entry in entries:
        made = entry.startswith('reference/')
        check(f'docs/site/index.md: {entry} exists', made or (ROOT / f'{entry}.md').is_file())


def check_paths():
    """A file of the repository that a page names between backticks exists."""
    folders = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != '.' and not path.name.startswith('build'))
    path = re.compile(rf'`((?:{"|".join(folders)})/[\w./*-]*)`')
    pages = [*ROOT.glob('*.md'), *(ROOT / 'docs').rglob('*.md'), ROOT / 'examples' / 'README.md', ROOT / 'conformance' / 'README.md']
    for page in sorted(pages):
        for name in sorted(set(path.findall(page.read_text()))):
            check(f'{page.relative_to(ROOT)}: {name} exists', any(ROOT.glob(name.rstrip('/'))))


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.contents = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.update(attributes[name] for name in ('id', 'name') if attributes.get(name))
        link = attributes.get('href') or attributes.get('src')
        if link:
            self.links.append(link)
            if 'reference internal' in (attributes.get('class') or ''):
                self.contents.append(link)


def check_links(site):
    pages = {path.resolve(): Page(path.read_text()) for path in site.rglob('*.html')}
    for path, page in pages.items():
        for link in page.links:
            url = urllib.parse.urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
            name = f'{path.relative_to(site)}: {link}'
            check(name, target.is_file())
            if url.fragment and target in pages:
                # The ids of headings that MyST makes and the ids that Sphinx makes are both there.
                check(f'{name}: the anchor', urllib.parse.unquote(url.fragment) in pages[target].ids)
    # Every page, made or copied, is in the contents that the front page shows.
    front = pages[site / 'index.html']
    listed = {(site / urllib.parse.urlsplit(link).path).resolve() for link in front.contents}
    own = {'index.html', 'genindex.html', 'search.html'}
    for path in pages:
        if path.parent != site / 'manual' and path.relative_to(site).as_posix() not in own:
            check(f'{path.relative_to(site)}: in the contents', path in listed)
    return pages


def check_reference(site, pages, headers):
    reference = manual.read_headers(headers)
    text = [(path, page.ids) for path, page in pages.items() if path.parent == site / 'reference']
    for header in headers:
        declared = re.sub(r'/\*.*?\*/', ' ', header.read_text(), flags=re.S)
        for name in re.findall(r'\bAW_API\b[^;(]*?\b(aw_\w+)\(', declared):
            found = [path.stem for path, ids in text if f'c.{name}' in ids]
            check(f'{name}: in the reference of {header.name}: {found}', found == [header.stem])
            check(f'{name}: a manual page', name in reference.functions and (site / 'manual' / f'{name}.3.html') in pages)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--site', type=pathlib.Path)
    parser.add_argument('headers', type=pathlib.Path, nargs='*')
    options = parser.parse_args()
    check_contents()
    check_paths()
    if options.site:
        site = options.site.resolve()
        check_reference(site, check_links(site), options.headers)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
