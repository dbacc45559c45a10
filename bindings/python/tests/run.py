#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a unittest file, and ends with the line `N passed, N failed`.

usage: run.py FILE [NAME...]
"""
import faulthandler
import importlib.util
import pathlib
import sys
import unittest

faulthandler.enable()
path = pathlib.Path(sys.argv[1])
spec = importlib.util.spec_from_file_location(path.stem, path)
module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
loader = unittest.defaultTestLoader
tests = loader.loadTestsFromNames(sys.argv[2:], module) if sys.argv[2:] else loader.loadTestsFromModule(module)
result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)
bad = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
for test, why in result.skipped:
    print(f'skipped: {test.id()}: {why}')
passed = result.testsRun - bad - len(result.skipped)
print(f'{passed} passed, {bad if result.testsRun else 1} failed' + (f', {len(result.skipped)} skipped' if result.skipped else ''))
sys.exit(1 if bad or not result.testsRun else 0)
