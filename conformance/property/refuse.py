#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each bad program is refused by the interpreter, with a message and exit status 2."""
import argparse
import subprocess
import sys

BAD = {
    'a body without a number': 'body',
    'a body without a block': 'body 0\n0 c yield',
    'a body with a negative number': 'body -1 {\n}',
    'an object with a negative number': 'lock -1',
    'an object that there is not': 'door 1',
    'an operation that there is not': 'body 0 {\n0 c dance\n}',
    'a statement that is too short': 'body 0 {\n0 c\n}',
    'a number that is none': 'body 0 {\n0 c sleep x\n}',
    'a number that is too large': 'body 0 {\n0 c sleep 99999999999999999999\n}',
    'the end of no block': 'body 0 {\n}\n}',
    'the end of no block, and another': 'body 0 {\n} {\n}',
    'a third block': 'body 0 {\n0 c finally {\n} {\n} {\n}\n}',
    'a block that is open at the end': 'body 0 {\n0 c finally {\n}',
    'a body in a block': 'body 0 {\n0 c finally {\nbody 1 {\n}\n}\n}',
    'blocks that are too deep': 'body 0 {\n' + '0 c finally {\n' * 16 + '}\n' * 17,
    'too many words': 'body 0 {\n0 c wait' + ' 1' * 30 + '\n}',
    'too many arguments': 'body 0 {\n0 c wait' + ' 1' * 11 + '\n}',
    'a line that is too long': 'body 0 {\n0 c sleep 1' + ' ' * 600 + '\n}',
    'too many statements': 'body 0 {\n' + '0 c sleep 1\n' * 4097 + '}',
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--interpreter', required=True)
    options = parser.parse_args()
    texts = {what: f'program 1\n{text}\nend\n' for what, text in BAD.items()}
    texts['no end'] = 'program 1\nbody 0 {\n}\n'
    texts['no program'] = 'body 0 {\n}\nend\n'
    texts['a seed that is no number'] = 'program x\nend\n'
    failed = 0
    for what, text in texts.items():
        run = subprocess.run([options.interpreter, 'step'], input=text, capture_output=True, text=True, check=False)
        if run.returncode != 2 or not run.stderr.startswith('program: '):
            failed += 1
            print(f'{what}: exit status {run.returncode}: {run.stderr.strip()[:500]}')
    print(f'{len(texts) - failed} passed, {failed} failed')
    return 1 if failed else 0


sys.exit(main())
