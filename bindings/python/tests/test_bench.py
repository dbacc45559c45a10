# SPDX-License-Identifier: MIT
"""The benchmark works: a quick round prints a sample of each workload, for libawait and for asyncio.

usage: test_bench.py BUILD-FOLDER
"""
import pathlib
import subprocess
import sys

bench = pathlib.Path(__file__).resolve().parents[1] / 'bench' / 'run'
done = subprocess.run([sys.executable, str(bench), '--build', sys.argv[1], '--rounds', '1', '--quick', '--python', sys.executable],
                      stdout=subprocess.PIPE, text=True, timeout=300, check=False)
print(done.stdout)
samples = {tuple(line.split('\t')[:2]): float(line.split('\t')[2]) for line in done.stdout.splitlines()}
workloads = 'spawn and join', 'await to resume', 'queue hand-over', 'sleep(0)', 'subprocess (/bin/true)'
variants = 'libawait.aio, epoll', 'libawait loop, epoll', f'asyncio {sys.version_info.major}.{sys.version_info.minor}'
missing = [(workload, variant) for workload in workloads for variant in variants if not samples.get((workload, variant), 0) > 0]
print('missing:', missing)
print(f'{len(workloads) * len(variants) - len(missing)} passed, {len(missing) + bool(done.returncode)} failed')
sys.exit(bool(missing or done.returncode))
