#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each chapter of the guide shows its program exactly as in examples/guide, and the actual output.

usage: check-guide.py --programs FOLDER [--backends NAME,…]     checks; runs the programs built in FOLDER
       check-guide.py --write                                   updates programs and outputs in the pages

The tutorial does so for each of its programs. A chapter NAME.md has one block ```c, the program NAME.c, and one block ```console: the command, then NAME.expected. A command that
names no backend has to print the same on every one.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

DOCS = pathlib.Path(__file__).resolve().parent
CHAPTERS = DOCS / 'guide'
README = DOCS.parent / 'README.md'
PROGRAMS = DOCS.parent / 'examples' / 'guide'
TUTORIAL = DOCS / 'tutorial.md'
# Its programs in order, and what each prints.
STEPS = [(path, path.with_suffix('.expected')) for path in sorted((DOCS.parent / 'examples' / 'tutorial').glob('*.c'))]
STEPS.append((DOCS.parent / 'examples' / 'subprocess_timeout.c', DOCS.parent / 'examples' / 'subprocess_timeout.expected'))
C_BLOCK = re.compile(r'^```c\n(.*?)^```$', re.M | re.S)
CONSOLE = re.compile(r'^```console\n\$ (.*?)\n(.*?)^```$', re.M | re.S)
COMMAND = re.compile(r'(?:AWAIT_BACKEND=(\w+) )?\./([\w-]+)')
SECONDS = 60

passed = failed = 0


def check(what, holds, detail=''):
    global passed, failed
    passed += holds
    failed += not holds
    if not holds:
        print(f'FAILED: {what}\n{detail}')
    return holds


def write(chapter):
    name = chapter.stem
    program = (PROGRAMS / f'{name}.c').read_text()
    expected = (PROGRAMS / f'{name}.expected').read_text()
    text = C_BLOCK.sub(lambda _: f'```c\n{program}```', chapter.read_text(), count=1)
    chapter.write_text(CONSOLE.sub(lambda m: f'```console\n$ {m[1]}\n{expected}```', text, count=1))


def written_tutorial():
    """The tutorial with its programs and outputs as they are."""
    programs, outputs = iter(STEPS), iter(STEPS)
    text = C_BLOCK.sub(lambda _: f'```c\n{next(programs)[0].read_text()}```', TUTORIAL.read_text())

    def console(_):
        program, expected = next(outputs)
        return f'```console\n$ ./{program.stem}\n{expected.read_text()}```'
    return CONSOLE.sub(console, text)


def check_tutorial(programs, backends):
    text = TUTORIAL.read_text()
    counts = len(C_BLOCK.findall(text)), len(CONSOLE.findall(text))
    if not check(f'{TUTORIAL.name}: {len(STEPS)} programs, each with its output', counts == (len(STEPS), len(STEPS)), counts):
        return
    check(f'{TUTORIAL.name}: programs and outputs are those of examples/ (--write)', text == written_tutorial())
    for program, expected in STEPS:
        folder = programs / program.parent.name if program.parent.name == 'tutorial' else programs
        for backend in backends:
            run(folder / program.stem, backend, expected.read_text())


def run(program, backend, expected):
    """Runs the program in a temporary folder, so that it can't depend on files of another."""
    env = dict(os.environ, AWAIT_BACKEND=backend)
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run([program], env=env, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            return check(f'{program.name} on {backend}', False, str(error))
    what = f'{program.name} on {backend}: status {done.returncode}, as the guide says'
    return check(what, (done.returncode, done.stdout) == (0, expected), f'{done.stdout}{done.stderr}instead of\n{expected}')


def check_chapter(chapter, programs, backends):
    name = chapter.stem
    text = chapter.read_text()
    blocks, consoles = C_BLOCK.findall(text), CONSOLE.findall(text)
    if not check(f'{chapter.name}: one program, one output', len(blocks) == len(consoles) == 1):
        return
    command, output = consoles[0]
    expected = (PROGRAMS / f'{name}.expected').read_text()
    called = COMMAND.fullmatch(command)
    check(f'{chapter.name}: the program is examples/guide/{name}.c (--write)', blocks[0] == (PROGRAMS / f'{name}.c').read_text())
    check(f'{chapter.name}: the output is {name}.expected (--write)', output == expected)
    if not check(f'{chapter.name}: the command', bool(called) and called[2] == name, command):
        return
    if not (programs / name).exists() and '<await/tls.h>' in blocks[0]:
        return  # built without that library
    for backend in [called[1]] if called[1] else backends:
        run(programs / name, backend, expected)


def check_links(path):
    for target in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', path.read_text()):
        check(f'{path.name}: {target} is there', (path.parent / target).exists())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--programs', type=pathlib.Path)
    parser.add_argument('--backends', default='epoll')
    parser.add_argument('--write', action='store_true')
    options = parser.parse_args()
    chapters = sorted(CHAPTERS.glob('[0-9]*.md'))
    if options.write:
        for chapter in chapters:
            write(chapter)
        TUTORIAL.write_text(written_tutorial())
        hello = (DOCS.parent / 'examples' / 'hello.c').read_text()
        README.write_text(C_BLOCK.sub(lambda _: f'```c\n{hello}```', README.read_text(), count=1))
        return 0
    names = {chapter.stem for chapter in chapters}
    check('each program has its chapter, each chapter its program', names == {p.stem for p in PROGRAMS.glob('*.c')})
    for chapter in chapters:
        check_chapter(chapter, options.programs.resolve(), options.backends.split(','))
    check_tutorial(options.programs.resolve().parent, options.backends.split(','))
    hello = (DOCS.parent / 'examples' / 'hello.c').read_text()
    check('README.md shows examples/hello.c (--write)', C_BLOCK.findall(README.read_text())[:1] == [hello])
    for path in [README, *DOCS.glob('*.md'), *CHAPTERS.glob('*.md')]:
        check_links(path)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
