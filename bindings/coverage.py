#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every public function is used by a binding, or left out with a reason.

usage: coverage.py --headers FOLDER --left-out FILE [--stackful REASON] SOURCE…

Each line of the list is a function and its reason; lines that begin with # are comments. With `--stackful`, the functions that the headers
mark with AW_STACKFUL are left out for that reason, unless they are used or have a specific reason in the list. A function counts as used if
its name occurs in one of the sources outside a comment.
"""
import argparse
import pathlib
import re
import sys


def without_comments(text):
    return re.sub(r'/\*.*?\*/|//[^\n]*|^\s*#[^!\[{][^\n]*', ' ', text, flags=re.S | re.M)


def declared(headers):
    """The public functions, and the subset that is marked with AW_STACKFUL."""
    names, stackful = set(), set()
    for header in sorted(headers.glob('*.h')):
        if header.name != 'backend.h':
            text = re.sub(r'/\*.*?\*/', ' ', header.read_text(), flags=re.S)
            for mark, name in re.findall(r'\b(AW_STACKFUL\s+)?(?:AW_NODISCARD\s+)?(?:AW_PRINTF\([^)]*\)\s+)?AW_API\b[^;()]*?\b(aw_\w+)\s*\(', text):
                names.add(name)
                if mark:
                    stackful.add(name)
    return names, stackful


def left_out(path):
    """name -> reason"""
    lines = (line.strip() for line in path.read_text().splitlines())
    return {name: reason.strip() for name, _, reason in (line.partition(' ') for line in lines if line and not line.startswith('#'))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--headers', type=pathlib.Path, required=True)
    parser.add_argument('--left-out', type=pathlib.Path, required=True)
    parser.add_argument('--stackful', metavar='REASON')
    parser.add_argument('sources', nargs='+', type=pathlib.Path)
    args = parser.parse_args()
    public, stackful = declared(args.headers)
    reasons = left_out(args.left_out)
    used = set()
    for source in args.sources:
        used.update(re.findall(r'\baw_\w+', without_comments(source.read_text())))
    for name in stackful - used - reasons.keys() if args.stackful else ():
        reasons[name] = args.stackful
    repeated = {name for name, reason in left_out(args.left_out).items() if reason == args.stackful and name in stackful}
    failed = 0
    for what, wrong in (
        ('no function found in the headers', set() if public else {str(args.headers)}),
        ('neither used nor left out', public - used - reasons.keys()),
        ('left out, but used', reasons.keys() & used),
        ('left out, but not public', reasons.keys() - public),
        ('listed although AW_STACKFUL already leaves it out', repeated),
        ('left out without a reason', {name for name, reason in reasons.items() if not reason}),
    ):
        if wrong:
            failed += 1
            print(f'{what}: {", ".join(sorted(wrong))}')
    print(f'{len(public & used)} functions used, {len(reasons)} left out with a reason')
    print(f'{6 - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
