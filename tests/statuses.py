#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every table of statuses agrees with abi/statuses.csv: the header, the library's names and texts, the page with
asyncio's names, and the types to which each binding maps a status.

usage: statuses.py SOURCE

The file has a line for each libawait status. `meaning` is the header's text, `text` is the result of aw_strerror(),
`asyncio` is the Python class, and `errc` the errno family in C++; the other columns are the types in the bindings.
"""
import csv
import pathlib
import re
import sys

LIST = 'abi/statuses.csv'


class Table:
    """The value of each code in one file, and where. A code that is not in the file has `default`, or no value."""

    def __init__(self, source, name, column, default=None):
        self.name, self.column, self.default, self.found = name, column, default, {}
        self.text = (source / name).read_text()

    def add(self, code, value, at):
        line = self.text.count('\n', 0, at) + 1
        self.found.setdefault(code, []).append((value, line))

    def scan(self, pattern, begin=None, end=None, value=lambda match: match['value']):
        """Takes each match between the first `begin` and the `end` after it. `codes` may match several codes."""
        start = self.text.index(begin) if begin else 0
        stop = self.text.index(end, start) if end else len(self.text)
        for match in re.compile(pattern, re.M).finditer(self.text, start, stop):
            for code in re.findall(r'AW_E[A-Z]+', match['codes']):
                self.add(code, value(match), match.start())
        return self

    def differences(self, rows):
        known = {row['code'] for row in rows}
        for code in sorted(self.found.keys() - known):
            yield f'{self.name}:{self.found[code][0][1]}: {code} is not in {LIST}'
        for row in rows:
            code, wanted = row['code'], row[self.column]
            found = self.found.get(code)
            if not found and (self.default is None or wanted != self.default):
                yield f'{self.name}: {code} is missing; {LIST}:{row["line"]} has {wanted!r}'
            for value, line in found or ():
                if value != wanted:
                    yield f'{self.name}:{line}: {code} is {value!r}; {LIST}:{row["line"]} has {wanted!r}'
            if found and len(found) > 1:
                yield f'{self.name}:{found[1][1]}: {code} stands twice'


def read(source):
    with open(source / LIST, newline='') as file:
        reader = csv.DictReader(file, strict=True)
        rows = [dict(row, line=reader.line_num) for row in reader]
    for row in rows:
        row['header'] = row['meaning'] + (f' ({row["asyncio"]})' if row['asyncio'] else '')
    return rows


def shape(rows):
    """Numbers decrease by one, and no code occurs twice."""
    for at, row in enumerate(rows):
        if None in row.values() or None in row:
            yield f'{LIST}:{row["line"]}: not as many columns as in the first line'
        if int(row['number']) != -5001 - at:
            yield f'{LIST}:{row["line"]}: {row["code"]} is {row["number"]}, not {-5001 - at}'
    if len({row['code'] for row in rows}) != len(rows):
        yield f'{LIST}: a code occurs twice'


def switch(table, pattern, begin, end):
    return table.scan(r'(?P<codes>(?:case AW_E[A-Z]+:\s*)+)' + pattern, begin, end)


def tables(source):
    def own(name, column, default=None):
        return Table(source, name, column, default)

    header = r'^\t(?P<codes>AW_E[A-Z]+) = (?P<value>-5\d{3}),(?: +/\*\*< (?P<meaning>.*) \*/)?$'
    yield own('abi/await/error.h', 'number').scan(header)
    yield own('abi/await/error.h', 'header').scan(header, value=lambda match: match['meaning'])
    names = r'\{(?P<codes>AW_E[A-Z]+), "(?P<name>\w+)", "(?P<text>[^"]*)"\}'
    yield own('core/base/error.c', 'code').scan(names, value=lambda match: match['name'])
    yield own('core/base/error.c', 'text').scan(names, value=lambda match: match['text'])
    row = r'^\| `(?P<value>\w+)` \|(?P<codes>.*)$'
    yield own('docs/asyncio-to-c.md', 'asyncio', '').scan(row, end='\n## ').scan(row, '## Errors', '\n## ')

    cpp = 'bindings/cpp/include/await/error.hpp'
    yield own(cpp, 'errc', '').scan(r'if \((?P<codes>status == AW_E.*)\) return std::errc::(?P<value>\w+);')
    yield switch(own(cpp, 'cpp', 'error'), r'throw (?P<value>\w+)\(',
                 '[[noreturn]] inline void raise', 'default:')
    yield own('bindings/go/errors.go', 'go', '').scan(
        r'^\t(?P<value>Err\w+) += &Error\{Status: C\.(?P<codes>AW_E\w+)\}')
    yield own('bindings/rust/libawait-sys/src/bindings.rs', 'number').scan(
        r'^pub const (?P<codes>AW_E[A-Z]+): \w+ = (?P<value>-5\d{3});')
    # AW_EHOST also means a panic, which is matched first.
    yield own('bindings/rust/libawait/src/error.rs', 'rust', 'Other').scan(
        r'^ +(?P<codes>sys::AW_E\w+(?: \| sys::AW_E\w+)*) => (?:match [^}]*_ => )?ErrorKind::(?P<value>\w+),',
        'pub fn kind(', 'code if code >')
    yield own('bindings/ruby/lib/libawait/errors.rb', 'ruby', 'Error').scan(
        r'(?P<codes>AW_E[A-Z]+) => (?P<value>\w+)', 'CLASS_OF_CODE = {', '}')
    yield own('bindings/python/raw/glue.c', 'python_raw', 'error').scan(
        r'status == (?P<codes>AW_E[A-Z]+) \? glue\.(?P<value>\w+)', 'exception_of_code(', 'glue.error;')
    yield switch(own('bindings/python/src/aio/convert.c', 'python_aio', 'RuntimeError'),
                 r'(?:\*out_message = [^;]*;)?\s*return (?:PyExc_)?(?P<value>\w+);', '*type_of(', 'default:')


def main():
    source = pathlib.Path(sys.argv[1])
    rows = read(source)
    passed, wrong = 0, list(shape(rows))
    for table in tables(source):
        different = list(table.differences(rows))
        passed += not different
        wrong += different
    print(*wrong, sep='\n', end='\n' if wrong else '')
    print(f'{passed} passed, {len(wrong)} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
