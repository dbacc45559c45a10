#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs CPython's own tests of asyncio (its package `test`) on libawait's loop, on the backend that AWAIT_BACKEND names.

Mixins that call create_event_loop() get our loop; whole modules run with our policy. cpython_left_out.txt lists the tests that are left out,
each with its reason. For each module, a line says how many passed, were left out, were skipped by CPython itself, and failed.

usage: cpython_suite.py [-v] [MODULE[.CLASS[.TEST]]...]
"""
import argparse
import asyncio
import contextlib
import fnmatch
import importlib
import logging
import os
import pathlib
import sys
import time
import unittest
import warnings

try:
    from test import support
    from test.test_asyncio import utils
except ImportError:
    print("skipped: this Python has no package `test` (Debian's is in libpython3.11-testsuite)")
    print('0 passed, 0 failed, 1 skipped')
    sys.exit(77)

import libawait

HERE = pathlib.Path(__file__).resolve().parent

# Tests that use the hook create_event_loop(): module and mixins.
MIXINS = {
    'events': ('test_events', ('UnixEventLoopTestsMixin', 'SubprocessTestsMixin')),
    'sock_lowlevel': ('test_sock_lowlevel', ('BaseSockTestsMixin',)),
    'sendfile': ('test_sendfile', ('SendfileTestsBase',)),
    'subprocess': ('test_subprocess', ('SubprocessMixin',)),
}
# Tests that run with our policy.
MODULES = ('streams', 'server', 'locks', 'queues', 'buffered_proto', 'context', 'pep492', 'runners', 'taskgroups', 'timeouts', 'waitfor',
           'threads', 'futures2', 'ssl', 'sslproto', 'eager_task_factory', 'free_threading')


def left_out():
    """(pattern of a backend, pattern of a test, reason)"""
    for line in (HERE / 'cpython_left_out.txt').read_text().splitlines():
        if line.strip() and not line.startswith('#'):
            backend, test, reason = line.split(None, 2)
            yield backend, test, reason


def use_our_policy():
    """Ours is the default policy; a test module that takes its own back gets ours again, and so does one that names CPython's loop."""
    asyncio.SelectorEventLoop = asyncio.BaseEventLoop = asyncio.EventLoop = libawait.EventLoop
    if sys.version_info >= (3, 14):
        asyncio.events._set_event_loop_policy(None)
        return
    original = asyncio.events.set_event_loop_policy

    def ours(policy):
        original(libawait.EventLoopPolicy() if policy is None else policy)
    ours(None)
    for module in (asyncio, asyncio.events):
        module.set_event_loop_policy = ours
        if hasattr(module, '_set_event_loop_policy'):
            module._set_event_loop_policy = ours


def mixin_case(module, mixins):
    """A test class made from CPython's mixins, on our loop."""
    def create_event_loop(self):
        return libawait.new_event_loop()

    def set_up(self):
        # The subprocess mixin doesn't create a loop itself.
        super(case, self).setUp()
        if not hasattr(self, 'loop'):
            self.loop = libawait.new_event_loop()
            self.set_event_loop(self.loop)
    case = type('Libawait' + mixins[0], (*(getattr(module, name) for name in mixins), utils.TestCase),
                {'create_event_loop': create_event_loop, 'setUp': set_up, '__module__': module.__name__})
    return case


def load(name):
    """The tests with a name, or None if this version of CPython doesn't have the module."""
    loader = unittest.defaultTestLoader
    try:
        module = importlib.import_module('test.test_asyncio.test_' + name)
    except ModuleNotFoundError:
        return None
    if name in MIXINS:
        return loader.loadTestsFromTestCase(mixin_case(module, MIXINS[name][1]))
    return loader.loadTestsFromModule(module)


def each(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each(test)
        else:
            yield test


def count_loops():
    """How many of our loops were created, in a list of one number: a pass means nothing if the module created none."""
    made, init = [0], libawait.EventLoop.__init__

    def counting(self, *args, **kwargs):
        made[0] += 1
        init(self, *args, **kwargs)
    libawait.EventLoop.__init__ = counting
    return made


class Result(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def short(test):
    return '.'.join(test.id().split('.')[-3:])


def run(name, options, backend_name, reasons, made):
    """The number of tests that passed, failed, and are left out."""
    suite = load(name)
    if suite is None:
        return 0, 0, 0
    chosen, out = unittest.TestSuite(), 0
    wanted = [pattern for pattern in options.name if pattern.split('.')[0] == name and '.' in pattern]
    for test in each(suite):
        reason = next((why for on, what, why in reasons if fnmatch.fnmatch(backend_name, on) and fnmatch.fnmatch(short(test), what)), None)
        if wanted and not any(fnmatch.fnmatch(short(test), f'test_{pattern}*') for pattern in wanted):
            continue
        if reason:
            out += 1
            if options.verbose:
                print(f'  left out: {short(test)}: {reason}')
            continue
        chosen.addTest(test)
    began, made_before = time.monotonic(), made[0]
    with open(os.devnull, 'w', encoding='utf-8') as nothing:
        stream = sys.stdout if options.verbose else nothing
        result = unittest.TextTestRunner(stream=stream, verbosity=2, resultclass=Result, warnings='ignore').run(chosen)
    loops = made[0] - made_before
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    passed = result.passed + len(result.expectedFailures)
    if passed and not loops:
        failed += 1
        print(f'{name}: made no loop of ours')
    print(f'{name:20} {passed:4} passed {out:3} left out {len(result.skipped):3} skipped by CPython {failed:3} failed'
          f' {loops:4} loops {time.monotonic() - began:6.1f} s')
    for test, trace in result.failures + result.errors:
        print(f'--- {test.id()}\n{trace}')
    sys.stdout.flush()
    return passed, failed, out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('-v', '--verbose', action='store_true')
    parser.add_argument('name', nargs='*', help=f'of: {", ".join((*MIXINS, *MODULES))}')
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    use_our_policy()
    with contextlib.closing(libawait.new_event_loop()) as loop:
        backend_name = loop.backend
    reasons, made = list(left_out()), count_loops()
    names = list(dict.fromkeys(name.split('.')[0] for name in options.name)) or [*MIXINS, *MODULES]
    print(f'CPython {sys.version.split()[0]}, libawait {libawait.__version__} on {backend_name}')
    passed = failed = out = 0
    for name in names:
        more_passed, more_failed, more_out = run(name, options, backend_name, reasons, made)
        passed += more_passed
        failed += more_failed
        out += more_out
    if not passed and not failed:
        failed = 1
        print('no test was found')
    print(f"CPython {sys.version.split()[0]}'s tests on libawait's loop, {backend_name}: {passed} passed, {out} left out with reasons, {failed} failed")
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
