#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""easy.h has a cleanup function for every kind of handle in the headers, and its macros compile without a warning in C11, C17 and C++17,
as GCC and Clang see them.

usage: easy.py HEADER…
"""
import pathlib
import re
import shutil
import subprocess
import sys

STANDARDS = [('c11', 'c'), ('c17', 'c'), ('c++17', 'c++'), ('c++20', 'c++')]
COMPILERS = {'c': ['gcc', 'clang'], 'c++': ['g++', 'clang++']}
FLAGS = ['-Wall', '-Wextra', '-Wpedantic', '-pedantic-errors', '-Wshadow', '-Wconversion', '-Werror', '-fsyntax-only']
PROGRAM = """
#include <await/easy.h>
aw_status body(void *ud);
aw_status body(void *ud) {
	AW_AUTO(aw_results) results = NULL;
	AW_AUTO(aw_task) task = NULL;
	aw_future *all = NULL;
	aw_task **out = (aw_task **)ud;
	AW_TRY(aw_task_spawn(NULL, body, ud, NULL, &task));
	if (out) AW_TRY(aw_gather_map(NULL, body, NULL, 0, 0, &all));
	else return 0;
	AW_TRY_TAKE(all, results);
	*out = AW_STEAL(task);
	return 0;
}
AW_MAIN() {
	AW_TRY(aw_sleep(0));
	return 0;
}
%s
"""


def main():
    headers = [pathlib.Path(p).resolve() for p in sys.argv[1:]]
    easy = next(path for path in headers if path.name == 'easy.h')
    handles = {name for path in headers for name in re.findall(r'\bAW_API void (aw_\w+)_unref\(', path.read_text())}
    listed = re.findall(r'^AW_EASY_UNREF\((aw_\w+)\)$', easy.read_text(), re.M)
    wrong = [f'{name}: easy.h lacks its AW_EASY_UNREF' for name in sorted(handles - set(listed))]
    wrong += [f'{name}: in easy.h, but not a handle' for name in sorted(set(listed) - handles)]
    if listed != sorted(set(listed)):
        wrong.append('easy.h: the handles are not in order, or one occurs twice')
    each = '\n'.join(f'void scope_{name}(void); void scope_{name}(void) {{ AW_AUTO({name}) it = NULL; (void)it; }}' for name in listed)
    passed = skipped = 0
    for standard, language in STANDARDS:
        for compiler in COMPILERS[language]:
            if not shutil.which(compiler):
                print(f'skipped: no {compiler} here for {standard}')
                skipped += 1
                continue
            run = subprocess.run([compiler, f'-std={standard}', *FLAGS, f'-I{easy.parent.parent}', '-x', language, '-'],
                                 input=PROGRAM % each, capture_output=True, text=True, check=False)
            if run.returncode:
                wrong.append(f'{compiler} -std={standard}:\n{run.stderr}')
            passed += run.returncode == 0
    print(*wrong, sep='\n')
    passed += len(listed)
    print(f'{passed} passed, {len(wrong)} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
