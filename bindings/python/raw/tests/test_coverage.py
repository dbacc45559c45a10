# SPDX-License-Identifier: MIT
"""Every public function is wrapped, or left out with a reason."""
import pathlib
import re

from check import SOURCE, Case, aw, main

INTERFACE = pathlib.Path(SOURCE, 'bindings', 'swig')
HEADERS = [path for path in pathlib.Path(SOURCE, 'abi', 'await').glob('*.h') if path.name != 'backend.h']
PUBLIC = {name for path in HEADERS for name in re.findall(r'AW_API[^;(]*?\b(aw_\w+)\(', path.read_text())}
STACKFUL = {name for path in HEADERS
            for name in re.findall(r'^AW_STACKFUL\s+(?:AW_\w+(?:\([^)]*\))?\s+)*AW_API\b[^;(]*?\b(aw_\w+)\(', path.read_text(), re.M)}
TYPES = re.findall(r'^HANDLE\((aw_\w+), (\w+)', (INTERFACE / 'handles.i').read_text(), re.M)
LEFT_OUT = (STACKFUL | set(re.findall(r'^%ignore (aw_\w+);', (INTERFACE / 'left_out.i').read_text(), re.M)) |
            {f'{name}_{end}' for name, _ in TYPES for end in ('ref', 'unref')})


class Coverage(Case):
    def test_every_function_of_the_headers_is_wrapped_or_listed(self):
        self.assertGreater(len(PUBLIC), 150)
        self.assertGreater(len(STACKFUL), 40)
        self.assertEqual(PUBLIC - LEFT_OUT - set(dir(aw)), set())

    def test_the_list_names_no_function_that_is_not_there_and_none_that_is_wrapped(self):
        self.assertEqual(LEFT_OUT - PUBLIC, set())
        self.assertEqual(LEFT_OUT & set(dir(aw)), set())

    def test_every_handle_is_a_class_that_only_a_call_makes(self):
        for _, name in TYPES + [('', 'Resume'), ('', 'Report')]:
            with self.assertRaises(TypeError, msg=name):
                getattr(aw, name)()

    def test_the_library_that_runs_is_the_one_the_headers_are_of(self):
        self.assertEqual(aw.aw_abi_version(), 0)
        self.assertRegex(aw.aw_version(), r'^\d+\.\d+\.\d+$')
        self.assertEqual(aw.AW_ECANCELLED, -5001)
        self.assertEqual(aw.FOREVER, 2 ** 63 - 1)


main()
