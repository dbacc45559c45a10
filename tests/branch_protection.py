#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Code built for branch protection is marked as such, correctly: each object of the static library has the mark (IBT on
x86-64, BTI on AArch64). On x86-64 each shared object has it too, and every possible target of an indirect branch is a
landing pad.

usage: branch_protection.py STATIC_LIBRARY SHARED_OBJECT…
"""
import re
import subprocess
import sys

MARKS = {'Advanced Micro Devices X86-64': 'IBT', 'AArch64': 'BTI'}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def machine(path):
    return re.search(r'Machine:\s+(.*)', output('readelf', '-h', path)).group(1).strip()


def unmarked(path, mark):
    """The members of the archive, or the file itself, that lack the mark."""
    members = re.split(r'^File: ', output('readelf', '-nW', path), flags=re.M)[1:] if path.endswith('.a') else [f'{path}\n' + output('readelf', '-nW', path)]
    assert members
    return [text.split('\n', 1)[0] for text in members if not re.search(rf'Properties:.*\b{mark}\b', text)]


def reached_indirectly(path):
    """The names and addresses of functions that are exported, entry points, or pointed to by data."""
    for line in output('nm', '-D', '--defined-only', path).splitlines():
        address, kind, name = line.split()
        if kind in 'Tt':
            yield name, int(address, 16)
    for tag, address in re.findall(r'\((INIT|FINI)\)\s+0x([0-9a-f]+)', output('readelf', '-dW', path)):
        yield tag, int(address, 16)
    for where, address in re.findall(r'^([0-9a-f]+)\s.*R_X86_64_RELATIVE\s+([0-9a-f]+)$', output('readelf', '-rW', path), flags=re.M):
        yield f'what {where} points to', int(address, 16)


def no_landing_pads(path):
    instructions = {}
    for address, text in re.findall(r'^\s*([0-9a-f]+):\t(.*)$', output('objdump', '-d', '--no-show-raw-insn', path), flags=re.M):
        instructions[int(address, 16)] = text
    reached = list(reached_indirectly(path))
    assert reached and instructions
    return [name for name, address in reached if address in instructions and not instructions[address].startswith('endbr64')]


def main():
    static, shared = sys.argv[1], sys.argv[2:]
    mark = MARKS.get(machine(static if not static.endswith('.a') else shared[0]))
    if not mark:
        print('skipped: no branch protection on this machine')
        print('0 passed, 0 failed, 1 skipped')
        return 0
    passed = failed = 0

    def check(what, wrong):
        nonlocal passed, failed
        passed += not wrong
        failed += bool(wrong)
        if wrong:
            print(f'{what}: {", ".join(wrong)}')

    check(f'without the mark {mark}', unmarked(static, mark))
    for path in shared:
        if mark == 'IBT':
            check(f'without the mark {mark}', unmarked(path, mark))
            check(f'{path}: no landing pad', no_landing_pads(path))
        elif unmarked(path, mark):
            # Debian's crti.o and crtbeginS.o, whose code is called indirectly, have no landing pads there.
            print(f'{path} does not claim {mark}: the startup objects of this system do not')
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
