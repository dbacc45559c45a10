#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the documentation site with Doxygen, Breathe, MyST and Sphinx, whose warnings are errors, and checks it.

The source folder has the layout of the repository, so that every link of a page works in both. To it come one
page for each public header, a list of the manual pages, and the pictures, drawn from their .dot files.

usage: build-site.py --doxyfile FILE --pages FOLDER --version VERSION OUTPUT HEADER…
"""
import argparse
import html
import os
import pathlib
import re
import shutil
import subprocess
import sys

import manual

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Folders whose pages are part of the site, and what pages link to.
PAGES = ['*.md', 'docs/*.md', 'docs/guide/*.md', 'examples/*.md', 'conformance/*.md', 'benchmarks/*.md', 'bindings/**/*.md', 'adapters/*/*.md']
LINKED = ['LICENSE', 'packaging/*', 'benchmarks/*.csv', 'benchmarks/results/*.json', 'docs/plots/*.svg', 'examples/**/*.c', 'bindings/cpp/examples/*', 'conformance/cases/**/*.c']
SECTIONS = 'briefdescription detaileddescription define enum typedef innerclass func user-defined public-attrib'
MANUAL_PAGE = '''<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="../_static/manual.css"></head>
<body><nav><a href="../index.html">libawait {version}</a> / <a href="../reference/manual.html">manual pages</a></nav>
{body}</body></html>
'''


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


# ---- the source folder ----

def lay_out(source):
    shutil.rmtree(source, ignore_errors=True)
    for pattern in PAGES + LINKED:
        for path in ROOT.glob(pattern):
            target = source / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    shutil.copytree(ROOT / 'docs' / 'site', source, dirs_exist_ok=True)
    draw(source / 'docs' / 'images')
    for page in source.rglob('*.md'):
        # rustdoc's word for a program that it compiles and does not run.
        text = page.read_text().replace('```rust,no_run', '```rust')
        if page.parent == source / 'docs':
            text = text.replace('](../README.md', '](../index.md')
        page.write_text(text)
    nest(source / 'docs' / 'guide' / 'README.md', sorted(path.stem for path in (source / 'docs' / 'guide').glob('[0-9]*.md')))
    # A binding's own pages are below its README.
    nest(source / 'bindings' / 'python' / 'README.md', ['src/aio/README', 'raw/README'])
    nest(source / 'bindings' / 'rust' / 'README.md', ['libawait/README', 'libawait-sys/README'])


def nest(page, below):
    page.write_text(page.read_text() + '\n```{toctree}\n:hidden:\n\n' + '\n'.join(below) + '\n```\n')


def words(svg):
    """What a picture says: the names of its nodes and edges, and its text. Coordinates depend on the fonts."""
    return re.findall(r'<title>(.*?)</title>|<text\b[^>]*>(.*?)</text>', svg.read_text())


def draw(folder):
    folder.mkdir(parents=True)
    for dot in sorted((ROOT / 'docs' / 'images').glob('*.dot')):
        drawn = folder / f'{dot.stem}.svg'
        run('dot', '-Tsvg', '-o', drawn, dot)
        if words(drawn) != words(dot.with_suffix('.svg')):
            sys.exit(f'{dot.name} has changed: dot -Tsvg -o docs/images/{drawn.name} docs/images/{dot.name}')


# ---- the reference ----

def reference_pages(source, reference, headers):
    """A page a header, and the list of them."""
    folder = source / 'reference'
    folder.mkdir()
    for header in headers:
        title = f'``<await/{header.name}>``'
        text = f'.. doxygenfile:: {header.name}\n   :sections: {SECTIONS}\n'
        (folder / f'{header.stem}.rst').write_text(f'{title}\n{"=" * len(title)}\n\n{text}')
    rows = '\n'.join(f'| [`<await/{header.name}>`]({header.stem}.rst) | {markdown(reference.briefs[header.name])} |' for header in headers)
    tree = '\n'.join(f'{header.name} <{header.stem}>' for header in headers)
    (folder / 'index.md').write_text(
        '# Reference\n\nWhat each public header declares, by header. The rules that hold for all of it are in '
        '[`<await/base.h>`](base.rst). The search finds a function by its name. Each function has a [manual page](manual.md) as well.\n\n'
        f'| header | what is in it |\n|---|---|\n{rows}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n')


def markdown(text):
    return re.sub(r'::(\w+)', r'`\1`', text).replace('|', '\\|')


def manual_list(source, reference, headers):
    lines = ['# Manual pages', '', 'A page for each function, as `man aw_gather` shows it where libawait is installed; and',
             '<a href="../manual/libawait.7.html">libawait(7)</a>, <a href="../manual/libawait-info.1.html">libawait-info(1)</a>.']
    for header in headers:
        functions = [function for function in reference.functions.values() if function.header == header.name]
        if functions:
            lines += ['', f'## `<await/{header.name}>`', '', '| page | |', '|---|---|']
            lines += [f'| <a href="../manual/{f.name}.3.html">{f.name}(3)</a> | {markdown(manual.summary(f.text))} |' for f in functions]
    (source / 'reference' / 'manual.md').write_text('\n'.join(lines) + '\n')


def manual_pages(output, pages, version):
    """The manual pages as HTML; a mention of another page is a link to it."""
    folder = output / 'manual'
    folder.mkdir()
    found = {path.name: path for path in pages.glob('*.[137]')}

    def link(match):
        name = f'{html.unescape(match[1])}.{match[2]}'
        return f'<a href="{name}.html">{match[0]}</a>' if name in found else match[0]

    for name, path in found.items():
        body = run('mandoc', '-T', 'html', '-O', 'fragment', path, capture_output=True, text=True).stdout
        body = re.sub(r'<b>([\w-]+)</b>\s?\(([137])\)', link, body)
        (folder / f'{name}.html').write_text(MANUAL_PAGE.format(title=f'{path.stem}({path.suffix[1:]})', version=version, body=body))


# ---- all of it ----

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--doxyfile', required=True)
    parser.add_argument('--pages', type=pathlib.Path, required=True)
    parser.add_argument('--version', required=True)
    parser.add_argument('output', type=pathlib.Path)
    parser.add_argument('headers', type=pathlib.Path, nargs='+')
    options = parser.parse_args()
    output = options.output.resolve()
    source, xml = output.with_name('site-source'), output.with_name('xml')
    shutil.rmtree(output, ignore_errors=True)
    shutil.rmtree(xml, ignore_errors=True)
    run('doxygen', options.doxyfile)
    reference = manual.read_headers(options.headers)
    lay_out(source)
    reference_pages(source, reference, options.headers)
    manual_list(source, reference, options.headers)
    run(sys.executable, '-m', 'sphinx', '-q', '-W', '--keep-going', '-j', '2', '-d', output.with_name('site-doctrees'), '-b', 'html', source, output,
        env={**os.environ, 'AWAIT_SITE_VERSION': options.version, 'AWAIT_SITE_XML': str(xml)})
    manual_pages(output, options.pages, options.version)
    run(sys.executable, pathlib.Path(__file__).with_name('check-site.py'), '--site', output, *options.headers)


if __name__ == '__main__':
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f'{error.cmd[0]} failed: {error.returncode}')
