#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lists the cases as TOPIC/NAME, one per line: those of the documents first, then by topic."""
import pathlib

cases = pathlib.Path(__file__).resolve().parent / 'cases'
for case in sorted(cases.glob('*/*.c'), key=lambda path: (path.parent.name != 'documents', path)):
    print(f'{case.parent.name}/{case.stem}')
