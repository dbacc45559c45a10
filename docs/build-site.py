#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the site: lays out its source (docs/, README and the examples that pages include), writes one reference page a header, and runs Sphinx.
A warning of Sphinx, such as a link that leads nowhere, is an error.

usage: build-site.py OUTPUT VERSION XML HEADER…
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Where a page that is not part of the site links to a file of the repository, the text stays and the link goes.
LINK = re.compile(r'(?<!!)\[([^\]]*)\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)')


def relink(text, page, source):
    def resolve(match):
        name, target = match.group(1), match.group(2)
        path = (page.parent / target).resolve()
        for candidate in (path, path / 'README.md'):
            if candidate.suffix == '.md' and candidate.is_relative_to(source / 'docs') and candidate.exists():
                return match.group(0).replace(target, os.path.relpath(candidate, page.parent))
        return f'`{name}`' if '`' not in name else name
    return LINK.sub(resolve, text)


def lay_out(source):
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / 'docs', source / 'docs')
    for extra in ('README.md', 'CHANGELOG.md'):
        text = (ROOT / extra).read_text()
        text = text.replace('](docs/guide/README.md)', '](guide/README.md)').replace('](docs/', '](')
        text = LINK.sub(lambda m: m.group(0) if (source / 'docs' / m.group(2)).exists() else m.group(1), text)
        (source / extra).write_text(text)
    shutil.copytree(ROOT / 'examples', source / 'examples')
    for item in (source / 'docs' / 'site').iterdir():
        shutil.move(item, source / 'docs' / item.name)
    guide = source / 'docs' / 'guide'
    chapters = '\n'.join(sorted(chapter.stem for chapter in guide.glob('[0-9]*.md')))
    (guide / 'README.md').write_text((guide / 'README.md').read_text() + f'\n```{{toctree}}\n:hidden:\n\n{chapters}\n```\n')
    for page in (source / 'docs').rglob('*.md'):
        page.write_text(relink(page.read_text(), page, source))


def reference(source, headers):
    """One page a header, titled by the header's first sentence."""
    folder = source / 'docs' / 'reference'
    folder.mkdir()
    names = []
    for header in headers:
        text = header.read_text()
        brief = re.search(r'@file \w+\.h\n \* (.*?)\n', text)
        name = header.name
        if name == 'await.h' or not brief:
            continue
        names.append((header.stem, brief.group(1)))
        (folder / f'{header.stem}.md').write_text(f'# {header.stem}: `<await/{name}>`\n\n```{{eval-rst}}\n.. doxygenfile:: {name}\n   :sections: briefdescription detaileddescription '
                                                  'define enum typedef innerclass func user-defined public-attrib\n```\n')
    rows = '\n'.join(f'| [{stem}]({stem}.md) | {brief} |' for stem, brief in names)
    tree = '\n'.join(stem for stem, _ in names)
    (folder / 'index.md').write_text('# Reference\n\n`<await/await.h>` includes every header but `<await/backend.h>` and `<await/stackless.h>`. Each function has a manual page '
                                     f'as well (`man aw_gather`).\n\n| header | |\n|---|---|\n{rows}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n')


def main():
    output, version, xml = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
    source = output.with_name(output.name + '-source')
    lay_out(source)
    reference(source, [pathlib.Path(header) for header in sys.argv[4:]])
    environment = {**os.environ, 'AWAIT_SITE_VERSION': version, 'AWAIT_SITE_XML': str(xml)}
    return subprocess.run([sys.executable, '-m', 'sphinx', '-q', '-W', '--keep-going', '-j', '2', '-b', 'html', source / 'docs', output],
                          env=environment).returncode


if __name__ == '__main__':
    sys.exit(main())
