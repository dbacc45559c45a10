#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs cargo on the workspace, offline and with all that it writes in the build folder, and counts what it tested.

usage: workspace.py --build FOLDER [--member PATH] [--count TEXT] [--] CARGO-ARGUMENT…

The build folder gets a workspace of links, so that Cargo.lock, which fits one set of packages and one cargo, is written there and not
beside the sources. Dependencies come from Debian's packages, a directory of sources. `--member` names a program that is not a member of the
workspace. Ends with `N passed, N failed`: the sum of cargo's results, or of one test if cargo ran none (`--count` then says what passed).
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent
REGISTRY = '/usr/share/cargo/registry'


def link(target, at):
    """Two tests may do this at once, so a link that is there is left alone."""
    if at.is_symlink() and os.readlink(at) == str(target):
        return
    fresh = at.with_name(f'.{at.name}.{os.getpid()}')
    fresh.symlink_to(target)
    fresh.replace(at)


def write(text, at):
    if not at.exists() or at.read_text() != text:
        fresh = at.with_name(f'.{at.name}.{os.getpid()}')
        fresh.write_text(text)
        fresh.replace(at)


def prepare(build):
    """The workspace of links; its configuration holds for every program below it."""
    workspace = build / 'workspace'
    (workspace / '.cargo').mkdir(parents=True, exist_ok=True)
    write(f'[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "{REGISTRY}"\n[net]\noffline = true\n',
          workspace / '.cargo' / 'config.toml')
    for name in ('Cargo.toml', 'rustfmt.toml', 'libawait', 'libawait-sys'):
        link(SOURCE / name, workspace / name)
    for name in ('bench', 'soak', 'outside'):
        # Each has its own folder, for its own lock file.
        source = SOURCE / ('tests/outside' if name == 'outside' else name)
        (workspace / name).mkdir(exist_ok=True)
        for entry in source.iterdir():
            if entry.name in ('Cargo.toml', 'src'):
                link(entry, workspace / name / entry.name)
    return workspace


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', type=pathlib.Path, required=True)
    parser.add_argument('--member', default='.')
    parser.add_argument('--count', default='')
    parser.add_argument('cargo', nargs='+')
    args = parser.parse_args()
    workspace = prepare(args.build)
    environment = dict(os.environ, CARGO_TARGET_DIR=str(args.build / 'target'), CARGO_TERM_COLOR='never')
    # Two processors are the reference, and meson runs several tests at once.
    environment.setdefault('CARGO_BUILD_JOBS', '2')
    run = subprocess.run([os.environ.get('CARGO', 'cargo'), *args.cargo], cwd=workspace / args.member, env=environment,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(run.stdout, end='')
    passed = failed = skipped = 0
    for found in re.finditer(r'^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored', run.stdout, re.M):
        passed, failed, skipped = passed + int(found[1]), failed + int(found[2]), skipped + int(found[3])
    if not passed + failed + skipped and run.returncode == 0 and args.count:
        print(args.count)
        passed = 1
    if (run.returncode or not passed) and not failed:
        failed = 1
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
