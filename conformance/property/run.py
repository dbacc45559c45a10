#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs random programs on libawait and compares their traces, event for event, with those of CPython's asyncio.

CPython's traces are recorded as one checksum for each program in expected.txt, so that no CPython 3.13 is needed to run this. If one
is found (this interpreter, $AWAIT_PYTHON, python3.13 and later), the traces themselves are compared too; a difference is then reduced
to a small program and shown side by side. After the generator has changed: run.py ... --record.
"""
import argparse
import difflib
import os
import shutil
import subprocess
import sys
import zlib

import generate
from shrink import shrink

HERE = os.path.dirname(os.path.abspath(__file__))
EXPECTED = os.path.join(HERE, "expected.txt")
FLAVOURS = ("stackful", "step", "mixed")
SECONDS = 300


def oracle_find(given):
    """Returns (command, version), or (None, None)."""
    names = [given] if given else [os.environ.get("AWAIT_PYTHON"), sys.executable, "python3.13", "python3.14"]
    for name in names:
        path = shutil.which(name) if name else None
        if not path:
            continue
        asked = subprocess.run([path, "-c", "import sys; print(*sys.version_info[:3], sep='.')"], capture_output=True, text=True)
        version = asked.stdout.strip()
        if asked.returncode == 0 and tuple(int(n) for n in version.split(".")) >= (3, 13):
            return path, version
    return None, None


def traces(command, text):
    """The traces, {seed: lines}. If the interpreter ends early, the reason is a line of the last trace."""
    try:
        ran = subprocess.run(command, input=text.encode(), capture_output=True, timeout=SECONDS)
        output, ended = ran.stdout, f"exit status {ran.returncode}: {ran.stderr.decode()[-500:]}" if ran.returncode else None
    except subprocess.TimeoutExpired as error:
        output, ended = error.stdout or b"", "no end"
    found, lines = {}, None
    for line in output.decode().splitlines():
        if line.startswith("program "):
            lines = found[int(line.split()[1])] = []
        elif lines is not None:
            lines.append(line)
    if ended:
        found.setdefault(max(found, default=0), []).append(ended)
    return found


def checksum(lines):
    return f"{zlib.crc32(chr(10).join(lines).encode()):08x}"


def expected_read():
    """Returns (header, checksums from the first seed on)."""
    try:
        with open(EXPECTED) as file:
            words = file.read().split()
    except FileNotFoundError:
        return {}, []
    header = dict(zip(words[0:8:2], words[1:8:2]))
    return header, words[8:]


def expected_write(version, first, sums):
    with open(EXPECTED, "w") as file:
        file.write(f"generator {generate.VERSION} python {version} first {first} count {len(sums)}\n")
        for i in range(0, len(sums), 14):
            file.write(" ".join(sums[i:i + 14]) + "\n")


class Run:
    def __init__(self, options):
        self.options = options
        self.oracle, self.version = oracle_find(options.oracle)
        self.passed = self.failed = self.shown = 0

    def interpreter(self, flavour):
        return [self.options.interpreter, flavour]

    def asyncio(self, text):
        return traces([self.oracle, os.path.join(HERE, "interpret.py")], text)

    def show(self, seed, flavour, ours, theirs):
        """Reports a program that differs. The first few are reduced and shown."""
        self.shown += 1
        if self.shown <= 50:
            print(f"seed {seed} differs ({flavour})", flush=True)
        if self.shown > self.options.show:
            return
        text = generate.generate(seed)
        if theirs is not None:
            def differing(many):
                a, b = self.asyncio(many), traces(self.interpreter(flavour), many)
                return [number for number in a if a[number] != b.get(number)]
            small = shrink(text, differing)
            if differing(small):
                text = small
                ours, theirs = traces(self.interpreter(flavour), text)[0], self.asyncio(text)[0]
        print(text, end="")
        if theirs is None:
            print("\n".join(ours), "\n(there is no CPython 3.13 here to compare with)")
        else:
            print("\n".join(difflib.unified_diff(theirs, ours, "asyncio", "libawait", lineterm="", n=30)))

    def compare(self, seeds, text, recorded, theirs):
        for flavour in self.options.flavours:
            ours = traces(self.interpreter(flavour), text)
            for seed in seeds:
                lines = ours.get(seed, ["it did not run"])
                same = theirs[seed] == lines if theirs else True
                if seed in recorded and checksum(lines) != recorded[seed]:
                    same = False
                if same:
                    self.passed += 1
                else:
                    self.failed += 1
                    self.show(seed, flavour, lines, theirs[seed] if theirs else None)

    def drifted(self, header, recorded, theirs):
        """Checks that the recorded checksums match the traces of this CPython."""
        changed = [seed for seed in theirs if seed in recorded and checksum(theirs[seed]) != recorded[seed]]
        if changed:
            print(f"CPython {self.version} differs from {header['python']}, which was recorded: seeds {changed[:10]}")
        if self.version.split(".")[:2] == header.get("python", "0.0").split(".")[:2]:
            self.failed += len(changed)

    def all(self):
        options = self.options
        seeds = range(options.seed, options.seed + options.count)
        text = "".join(generate.generate(seed) for seed in seeds)
        theirs = self.asyncio(text) if self.oracle else None
        if options.record:
            if not theirs:
                sys.exit("no CPython 3.13 or later was found")
            expected_write(self.version, options.seed, [checksum(theirs[seed]) for seed in seeds])
        header, sums = expected_read()
        recorded = {}
        if header.get("generator") == str(generate.VERSION):
            recorded = {int(header["first"]) + i: s for i, s in enumerate(sums)}
        if not theirs and not any(seed in recorded for seed in seeds):
            sys.exit("no recorded traces for these seeds, and no CPython 3.13 or later")
        if theirs:
            self.drifted(header, recorded, theirs)
        self.compare(seeds, text, recorded, theirs)
        print(f"{len(seeds)} programs, seeds {seeds[0]} to {seeds[-1]}, against " +
              (f"CPython {self.version}" if theirs else "what was recorded"))
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interpreter", required=True, help="the program built from interpret.c")
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--show", type=int, default=3, help="number of differing programs to reduce and show")
    parser.add_argument("--oracle", help="a CPython 3.13 or later")
    parser.add_argument("--record", action="store_true", help="write expected.txt")
    parser.add_argument("--flavours", nargs="+", choices=FLAVOURS, default=FLAVOURS)
    sys.exit(Run(parser.parse_args()).all())


if __name__ == "__main__":
    main()
