# SPDX-License-Identifier: MIT
"""One variant, each workload once; a TSV line each. Exit status 77 if the variant is not on this machine.

usage: measure.py [--quick] VARIANT
"""
import importlib.util
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
quick, name = '--quick' in sys.argv, sys.argv[-1]
sys.path[:1] = [str(HERE)]
spec = importlib.util.spec_from_file_location('variant_' + name, HERE / 'variants' / f'{name}.py')
variant = importlib.util.module_from_spec(spec)
try:
    spec.loader.exec_module(variant)
except ImportError as error:
    print(f'left out: {name}: {error}', file=sys.stderr)
    sys.exit(77)
for workload, nanoseconds in variant.Variant().measure(quick):
    print(workload, variant.Variant.name, f'{nanoseconds:.1f}', sep='\t', flush=True)
