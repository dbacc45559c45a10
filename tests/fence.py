#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The fence between the folders of core/: tries what it must refuse and what it must allow. A file can include only the headers of the
folders that its folder uses, and the library of a folder links only with the libraries of those folders.

usage: fence.py --cc CC --core SOURCE --public ABI --libraries BUILD --builtins ARCHIVE FOLDER:USES,… …     in order, lowest first
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile


def succeeds(compiler, source, work, libraries=()):
    path = pathlib.Path(work) / 'try.c'
    path.write_text(source)
    return subprocess.run([*compiler, path, *libraries], capture_output=True, text=True).returncode == 0


def headers(folder):
    return sorted(header.name for header in folder.glob('*.h'))


def defined(library):
    """A function that the library exports to its siblings."""
    out = subprocess.run(['nm', '--defined-only', library], capture_output=True, text=True, check=True).stdout
    return sorted(line.split()[2] for line in out.splitlines() if ' T ' in line)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--cc', required=True)
    parser.add_argument('--core', required=True, type=pathlib.Path)
    parser.add_argument('--public', required=True)
    parser.add_argument('--libraries', required=True, type=pathlib.Path)
    parser.add_argument('--builtins', required=True, help='the backends that loop/ finds built in')
    parser.add_argument('folders', nargs='+')
    options = parser.parse_args()
    uses = {name: [use for use in rest.split(',') if use] for name, _, rest in (item.partition(':') for item in options.folders)}
    passed, wrong = 0, []
    with tempfile.TemporaryDirectory() as work:
        for name in uses:
            seen = [name, *uses[name]]
            compiler = [*(word for word in options.cc.split() if word != 'ccache'), '-D_GNU_SOURCE', '-I', options.public]
            compiler += [f'-I{options.core / folder}' for folder in seen] + ['-fPIC']
            archives = [options.libraries / f'libawait_{folder}.a' for folder in seen]
            for other in uses:
                allowed = other in seen
                # Without a subfolder in the path, a folder's own header would shadow one with the same name, such as queue.h.
                for header in headers(options.core / other)[-1:]:
                    if succeeds([*compiler, '-fsyntax-only'], f'#include "{header}"\n', work) == allowed:
                        passed += 1
                    else:
                        wrong.append(f'{name}: an include of {other}/{header} {"fails" if allowed else "compiles"}')
                symbol = defined(options.libraries / f'libawait_{other}.a')
                call = f'void {symbol}(void);\nvoid attempt(void);\nvoid attempt(void) {{ {symbol}(); }}\n'
                link = [*compiler, '-shared', '-Wl,-z,defs', '-o', f'{work}/out.so']
                if succeeds(link, call, work, ['-Wl,--start-group', *archives, options.builtins, '-Wl,--end-group', '-lpthread', '-ldl']) == allowed:
                    passed += 1
                else:
                    wrong.append(f'{name}: a call of {symbol} in {other} {"fails" if allowed else "links"}')
    print(*wrong, sep='\n', end='\n' if wrong else '')
    print(f'{passed} passed, {len(wrong)} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
