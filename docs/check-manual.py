#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each function that the libraries export has a separate manual page, with a line for whatis, the expected sections,
no leftover markup, and no groff warnings; and the pages it refers to exist.

usage: check-manual.py --library LIBRARY… --pages FOLDER
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

SECTIONS = ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'THREADS', 'SEE ALSO']


def exported(library):
    out = subprocess.run(['nm', '-D', '--defined-only', library], check=True, capture_output=True, text=True).stdout
    return sorted({line.split()[-1].split('@')[0] for line in out.splitlines() if line.split()[-2] in 'Tt' and line.split()[-1].startswith('aw_')})


def flaws(name, text, pages):
    """What is wrong with the page of the function `name`."""
    lines = text.splitlines()
    for section in SECTIONS:
        if f'.SH {section}' not in lines:
            yield f'no section {section}'
    body = '\n'.join(line for line in lines if not line.startswith('.\\"'))
    if not re.search(rf'^\.SH NAME\n{name} \\- \S.*$', body, flags=re.M):
        yield 'its NAME is not that of whatis'
    synopsis = body.partition('.SH SYNOPSIS\n')[2].partition('\n.SH ')[0]
    if f'{name}(' not in synopsis.replace('\\-', '-') or '#include <await/' not in synopsis:
        yield 'its SYNOPSIS does not show it'
    returned = re.search(rf'\\fB(?:const )?(?:struct )?(\w+) \*?{name}\(|"(?:const )?(?:struct )?(\w+) \*?{name}\(', synopsis)
    if not returned:
        yield 'its SYNOPSIS shows no type'
    elif 'aw_status' in returned.groups() and not {'.SH ERRORS', '.SH RETURN VALUE'} <= set(lines):
        yield 'it returns a status, but no section says which'
    description = body.partition('.SH DESCRIPTION\n')[2].partition('\n.SH ')[0]
    if not re.search(r'\w{2,}', description) or re.match(r'(asyncio|Python)[.:]', description):
        yield 'its DESCRIPTION says nothing'
    for left in re.findall(r'`|::|@\w+|/\*|\*/', body):
        yield f'markup left over: {left}'
    for other in re.findall(r'(?:\.BR |\\fB)(aw_\w+)(?:\\fR| )\(3\)', body):
        if other not in pages:
            yield f'it refers to {other}(3), which is not there'


def groff_says(paths):
    run = subprocess.run(['groff', '-ww', '-man', '-Tutf8', '-z', *map(str, paths)], capture_output=True, text=True)
    return [line for line in run.stderr.splitlines() if line.strip()] + ([f'groff ended with {run.returncode}'] if run.returncode else [])


def whatis_says(paths):
    """What lexgrog, which mandb is made of, makes of each page: its file and the names it found."""
    run = subprocess.run(['lexgrog', *map(str, paths)], capture_output=True, text=True)
    found = dict(re.findall(r'^(.*): "(\S+) - .*"$', run.stdout, flags=re.M))
    return [f'whatis shows {found.get(str(path), "nothing")} for {path.name}' for path in paths if found.get(str(path)) != path.stem]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--library', required=True, nargs='+')
    parser.add_argument('--pages', type=pathlib.Path, required=True)
    args = parser.parse_args()
    functions = sorted(name for library in args.library for name in exported(library))
    pages = {path.stem: path for path in args.pages.glob('*.3')}
    passed = failed = skipped = 0

    def check(what, wrong):
        nonlocal passed, failed
        passed += not wrong
        failed += bool(wrong)
        for line in wrong:
            print(f'FAILED: {what}: {line}')

    check('no function is exported', [] if functions else args.library)
    check('pages of what is not exported', sorted(pages.keys() - set(functions)))
    for name in functions:
        check(name, list(flaws(name, pages[name].read_text(), pages)) if name in pages else ['no page'])
    everything = [*pages.values(), args.pages / 'libawait.7', args.pages / 'libawait-info.1']
    check('pages by hand', [str(path) for path in everything if not path.is_file()])
    for tool, says in ('groff', groff_says), ('lexgrog', whatis_says):
        if shutil.which(tool):
            check(tool, says(everything))
        else:
            skipped += 1
            print(f'skipped: no {tool} here')
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
