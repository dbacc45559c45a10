#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs Go's tools on the module, and ends with a closing line.

usage: gotest.py --go GO --source FOLDER --cache FOLDER MODE [ARGUMENT…]

  test [ARGUMENT…]       go test -race on the package
  vet                    go vet and gofmt
  raw FOLDER FILE…       go test on the package that SWIG has made of FILEs, in FOLDER
  install                a module outside the tree that uses this one, found through pkg-config
  example                runs the first example, and compares what it prints
  run PROGRAM [ARGUMENT…]   go run; the program prints its own closing line
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

RACE = ('amd64', 'arm64', 'ppc64le', 's390x')

PROGRAM = '''package main

import (
	"context"
	"fmt"
	"time"

	await "github.com/libawait/libawait/bindings/go"
)

func main() {
	value, err := await.Run(context.Background(), func(ctx context.Context) (int, error) {
		task := await.Spawn(ctx, func(ctx context.Context) (int, error) { return 42, await.Sleep(ctx, time.Millisecond) })
		return task.Await(ctx)
	})
	fmt.Println(value, err, await.Version())
}
'''

EXAMPLE = ['echo world complete', 'sleep 1 && echo hello complete', 'sleep 1.5 complete', 'sleep 500 timeout']


class Go:
    def __init__(self, args):
        self.go = args.go
        self.source = args.source
        # Go's build cache does not see a change of C headers; a flag with their sum it does.
        total = hashlib.sha256()
        for header in sorted((args.source.parent.parent / 'abi' / 'await').glob('*.h')):
            total.update(header.read_bytes())
        self.env = dict(os.environ, GOCACHE=str(args.cache), GOPROXY='off', GOFLAGS='-mod=mod', GOTOOLCHAIN='local', CGO_ENABLED='1',
                        CGO_CFLAGS=f'-g -O2 -DAWAIT_HEADERS={total.hexdigest()[:16]}')

    def __call__(self, *words, cwd=None, **options):
        return subprocess.run([self.go, *words], cwd=cwd or self.source, env=self.env, check=False, text=True, **options)

    def race(self):
        arch = self('env', 'GOARCH', capture_output=True).stdout.strip()
        return ['-race'] if arch in RACE else []


def close(passed, failed, skipped=0):
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed or not passed + skipped else 0


def test(go, words, cwd=None):
    """Counts the tests that have none below them."""
    ran = go('test', '-json', '-count=1', *go.race(), *words, cwd=cwd, stdout=subprocess.PIPE)
    results, output, parents = {}, {}, set()
    for line in ran.stdout.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            print(line)
            continue
        name = event.get('Test')
        if event['Action'] in ('output', 'build-output'):
            output.setdefault(name, []).append(event['Output'])
        if not name:
            continue
        parents.update(name[:at] for at, letter in enumerate(name) if letter == '/')
        if event['Action'] in ('pass', 'fail', 'skip'):
            results[name] = event['Action']
        elif event['Action'] == 'run':
            results.setdefault(name, 'fail')
    leaves = {name: result for name, result in results.items() if name not in parents}
    count = {kind: sum(result == kind for result in leaves.values()) for kind in ('pass', 'fail', 'skip')}
    for name, result in results.items():
        if result != 'pass':
            print(''.join(output.get(name, [])).rstrip())
    if ran.returncode and not count['fail']:
        print(''.join(output.get(None, [])).rstrip())
        count['fail'] = 1
    return close(count['pass'], count['fail'], count['skip'])


def vet(go, _words):
    failed = 0
    for what, ran in (
        ('go vet', go('vet', './...', stdout=subprocess.PIPE, stderr=subprocess.STDOUT)),
        ('gofmt', subprocess.run(['gofmt', '-l', '.'], cwd=go.source, stdout=subprocess.PIPE, text=True, check=False)),
    ):
        if ran.returncode or ran.stdout.strip():
            failed += 1
            print(f'{what}:\n{ran.stdout}')
    return close(2 - failed, failed)


def raw(go, words):
    folder, files = pathlib.Path(words[0]), [pathlib.Path(name) for name in words[1:]]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in [*files, go.source / 'swig' / 'raw_test.go']:
        shutil.copy(file, folder)
    (folder / 'go.mod').write_text('module raw\n\ngo 1.19\n')
    go.env['AWAIT_TEST_SOURCE'] = str(go.source.parent.parent)
    # What SWIG writes is not held to vet.
    return test(go, ['-vet=off', '-tags=libawait_raw', '.'], cwd=folder)


def install(go, _words):
    with tempfile.TemporaryDirectory() as folder:
        # A copy, as the module cache would hold it: without the rest of the tree.
        copy = pathlib.Path(folder, 'module')
        shutil.copytree(go.source, copy)
        user = pathlib.Path(folder, 'user')
        user.mkdir()
        (user / 'main.go').write_text(PROGRAM)
        (user / 'go.mod').write_text('module example.com/user\n\ngo 1.19\n\n'
                                     'require github.com/libawait/libawait/bindings/go v0.1.0\n\n'
                                     f'replace github.com/libawait/libawait/bindings/go => {copy}\n')
        built = go('build', '-o', 'user', '.', cwd=user)
        ran = subprocess.run([user / 'user'], stdout=subprocess.PIPE, text=True, check=False) if built.returncode == 0 else built
        good = ran.returncode == 0 and ran.stdout.startswith('42 <nil> ')
        if not good:
            print(f'exit status {ran.returncode}: {ran.stdout}')
        return close(int(good), int(not good))


def example(go, _words):
    ran = go('run', './examples/first_example', stdout=subprocess.PIPE)
    good = ran.returncode == 0 and ran.stdout.splitlines() == EXAMPLE
    if not good:
        print(f'exit status {ran.returncode}:\n{ran.stdout}')
    return close(int(good), int(not good))


def run(go, words):
    return go('run', *words).returncode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--go', required=True)
    parser.add_argument('--source', type=pathlib.Path, required=True)
    parser.add_argument('--cache', type=pathlib.Path, required=True)
    parser.add_argument('mode', choices=['test', 'vet', 'raw', 'install', 'example', 'run'])
    parser.add_argument('words', nargs=argparse.REMAINDER)
    args = parser.parse_args()
    sys.stdout.flush()
    return globals()[args.mode](Go(args), args.words)


if __name__ == '__main__':
    sys.exit(main())
