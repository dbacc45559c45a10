#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CPython's own tests of asyncio, run on libawait.aio.

usage: aio_suite.py [-v] [--slow] [MODULE[.CLASS[.TEST]]…]

The tests are those installed with the interpreter (Debian: libpython3.11-testsuite), unchanged. Their setup differs: `asyncio` is an alias
of libawait.aio, so asyncio itself is not used, and the simulated-time loop uses the backend `virtual`. aio_left_out.txt lists the tests that
are left out, each with its reason; any other failing test is a failure. The last line is the total.
"""
import argparse
import fnmatch
import importlib.util
import io
import pathlib
import re
import sys
import time
import warnings

import aio_facade

HERE = pathlib.Path(__file__).resolve().parent
MODULES = ('test_futures', 'test_futures2', 'test_tasks', 'test_locks', 'test_queues', 'test_taskgroups', 'test_timeouts', 'test_waitfor', 'test_runners',
           'test_threads', 'test_pep492', 'test_eager_task_factory', 'test_streams', 'test_server', 'test_buffered_proto', 'test_transports',
           'test_protocols', 'test_sock_lowlevel', 'test_sendfile', 'test_events', 'test_subprocess', 'test_ssl', 'test_sslproto')


def simulated_loop(aio):
    """The simulated-time loop: the backend `virtual`, starting at 0. Ignores the time steps that a test passes."""

    class TestLoop(aio.Loop):
        __name__ = 'TestLoop'

        def __init__(self, gen=None):
            super().__init__('virtual')
            self._began = super().time()

        def time(self):
            return super().time() - self._began

        @property
        def _ready(self):
            return self._pending()

        def call_at(self, when, callback, *args, context=None):
            return super().call_at(when + self._began, callback, *args, context=context)

        def advance_time(self, advance):
            pass

    return TestLoop


def left_out(path):
    """[(pattern, reason)]. A reason that begins with `of 3.N`, or `of 3.N and 3.M`, is for the tests of these versions."""
    lines = (line.strip() for line in path.read_text(encoding='utf-8').splitlines())
    reasons = [tuple(part.strip() for part in line.split(' ', 1)) for line in lines if line and not line.startswith('#')]
    here = '{}.{}'.format(*sys.version_info)

    def applies(reason):
        versions = re.match(r'of (3\.\d+(?: and 3\.\d+)*)\b', reason)
        return not versions or here in versions[1].split(' and ')

    return [(pattern, reason) for pattern, reason in reasons if applies(reason)]


def flatten(suite):
    import unittest
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('-v', '--verbose', action='store_true')
    parser.add_argument('--slow', action='store_true', help='under a sanitizer: the timeouts of the tests are four times as long')
    parser.add_argument('names', nargs='*')
    args = parser.parse_args()
    aio = aio_facade.install()
    import unittest
    try:
        from test import support
        if args.slow:
            for name in ('LOOPBACK_TIMEOUT', 'SHORT_TIMEOUT', 'LONG_TIMEOUT'):
                setattr(support, name, 4 * getattr(support, name))
        from test.test_asyncio import utils
    except ImportError:
        print(f'skipped: {sys.executable} has no test package (Debian: libpython3.11-testsuite)')
        print('0 passed, 0 failed, 1 skipped')
        return 77
    utils.TestLoop = simulated_loop(aio)
    reasons = left_out(HERE / 'aio_left_out.txt')
    used = set()
    names = args.names or MODULES
    totals = [0, 0, 0, 0]
    twice = 0  # the tests for CPython's second implementation, in Python, which this package doesn't have
    texts = []
    for name in names:
        module = name.split('.')[0]
        if not importlib.util.find_spec(f'test.test_asyncio.{module}'):
            continue  # another version of CPython has it
        suite = unittest.defaultTestLoader.loadTestsFromName(f'test.test_asyncio.{name}')
        tests, out = [], 0
        for test in flatten(suite):
            if type(test).__name__ in ('_FailedTest', 'ModuleImportFailure'):
                tests = [test]  # its run says why the module cannot be imported
                break
            key = test.id().removeprefix('test.test_asyncio.')
            pattern = next((pattern for pattern, _ in reasons if fnmatch.fnmatchcase(key, pattern)), None)
            if pattern and not any('.' in name for name in args.names):
                used.add(pattern)
                if dict(reasons)[pattern].startswith('the same'):
                    twice += 1
                else:
                    out += 1
            else:
                tests.append(test)
        if not tests:
            continue
        began = time.monotonic()
        stream = io.StringIO()
        with warnings.catch_warnings():
            warnings.simplefilter('default')
            warnings.filterwarnings('ignore', category=DeprecationWarning)
            result = unittest.TextTestRunner(stream=sys.stderr if args.verbose else stream, verbosity=2 if args.verbose else 0).run(unittest.TestSuite(tests))
        failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
        skipped = len(result.skipped)
        passed = result.testsRun - failed - skipped
        print(f'{module:<26} {passed:>4} passed, {out:>3} left out, {failed} failed, {skipped} skipped by themselves   {time.monotonic() - began:.1f} s', flush=True)
        for number, count in enumerate((passed, failed, skipped, out)):
            totals[number] += count
        for test, text in result.failures + result.errors:
            texts.append(f'--- {test.id()}\n{text}')
    print('\n'.join(texts))
    if not args.names:
        stale = [pattern for pattern, _ in reasons if pattern not in used]
        if stale:
            print(f'patterns of the list that fit no test here (another version of CPython?): {", ".join(stale)}')
    print(f"CPython {sys.version.split()[0]}'s tests on libawait.aio: {totals[0]} passed, {totals[3]} left out with reasons, {totals[1]} failed; "
          f"{twice} test CPython's second implementation and would run the same classes again")
    print(f'{totals[0]} passed, {totals[1]} failed')
    return 1 if totals[1] or not totals[0] else 0


if __name__ == '__main__':
    sys.exit(main())
