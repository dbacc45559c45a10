#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generates a call for each handle parameter of each public function, in which that handle is bad and everything else is valid.

A new function is covered as soon as it is declared. A new type of parameter or handle stops the build with a message that
says where to add it: here, or in every_call.c.

usage: generate.py HEADER… > calls.inc
"""
import pathlib
import re
import sys

FUNCTION = re.compile(r'\bAW_API\s+([^;(){}]+?)\b(aw_\w+)\s*\(([^;]*?)\)\s*;', re.S)
HANDLE = re.compile(r'typedef\s+struct\s+(aw_\w+)\s+\1\s*;')

# Not library objects: they are on its stack during a call, so only NULL can be detected.
FRAMES = {'aw_resume', 'aw_report'}
# For authors of backends.
NOT_HANDLES = {'aw_backend_state'}

# Where NULL has a meaning other than "the running loop".
MAY_BE_NULL = {
    ('aw_loop_call_exception_handler', 'error'), ('aw_loop_call_exception_handler', 'future'),
    ('aw_taskgroup_exit', 'error'), ('aw_taskgroup_exit_coro', 'error'),
    ('aw_capture_call_graph', 'future'), ('aw_format_call_graph', 'future'), ('aw_condition_new', 'lock'), ('aw_loop_run_in_executor', 'executor'), ('aw_error_new', 'loop'), ('aw_error_new_group', 'loop'),
    ('aw_pipeline_start', 'options'), ('aw_subprocess_exec', 'options'), ('aw_subprocess_shell', 'options'), ('aw_subprocess_run', 'options'), ('aw_subprocess_run_shell', 'options'),
    ('aw_subprocess_run_future', 'options'), ('aw_subprocess_run_shell_future', 'options'),
    ('aw_concurrent_future_wait_interruptible', 'interrupt'), ('aw_executor_shutdown_wait_interruptible', 'interrupt'),
}

# The results of calls that return no status: by default 0 or NULL.
NOTHING = {
    'aw_loop_deadline': 'AW_FOREVER', 'aw_timeout_when': 'AW_FOREVER', 'aw_error_message': '""', 'aw_error_status': '0',
    'aw_stream_fd': '-1', 'aw_server_socket': '-1', 'aw_file_tell': '-1',
}

# These return statuses, although their declared type is another.
STATUSES = {'aw_process_pid'}

# Valid arguments, by type and, if the type is ambiguous, by name.
BY_NAME = {
    'argv': 'argv', 'commands': 'some_commands', 'command': '"true"', 'backend': 'NULL', 'fd': 'some_fd', 'signal': 'SIGUSR1', 'stream': '1', 'how': '0',
    'code': '-EIO', 'body': '0', 'return_when': 'AW_ALL_COMPLETED', 'parties': '1', 'format': 'AW_PRINT_TEXT', 'events': 'AW_POLL_IN',
    'flags': '0', 'max': '1', 'count': '1', 'pid': '1', 'pidfd': '-1', 'size': '1 << 16', 'env': 'argv', 'submissions': '&submission',
    'out': 'scratch', 'max_threads': '1', 'inputs': 'some_inputs', 'fns': 'some_tasks',
}
BY_TYPE = {
    'const char *': '"x"', 'char *': 'scratch', 'void *': 'NULL', 'const void *': 'NULL', 'int64_t': '1', 'uint64_t': '1', 'int32_t': '1', 'uint32_t': '0',
    'int': '1', 'size_t': '1', 'aw_bool': '0', 'aw_status': '0', 'aw_destroy_fn': 'NULL', 'aw_callback_fn': 'some_callback',
    'aw_done_fn': 'some_done', 'aw_task_fn': 'some_task', 'aw_work_fn': 'some_work', 'aw_step_fn': 'some_step',
    'aw_exception_fn': 'some_exception', 'aw_compare_fn': 'some_compare', 'aw_next_fn': 'some_next', 'aw_next_coro_fn': 'some_next_coro',
    'struct sockaddr *': 'NULL', 'const struct sockaddr *': 'NULL', 'uint32_t *': 'NULL', 'const struct iovec *': 'some_parts', 'size_t *': 'scratch', 'int32_t *': 'scratch', 'int *': 'scratch', 'const int *': 'scratch',
    'const aw_protocol *': 'NULL', 'const aw_stream_methods *': 'NULL', 'const aw_stream_options *': 'NULL', 'const aw_copy_options *': 'NULL', 'aw_client_fn': 'some_client', 'const aw_process_protocol *': 'NULL',
    'const aw_server_options *': 'NULL', 'const aw_connect_options *': 'NULL', 'aw_exit_fn': 'some_exit', 'aw_predicate_fn': 'some_predicate', 'va_list': 'some_arguments',
    'const aw_datagram_options *': '&datagram_options', 'const aw_datagram_protocol *': '&datagram_protocol',
    'aw_datagram_message *': '&datagram_message', 'const aw_datagram_message *': '&datagram_message',
    'const aw_resolver *': '&some_resolver', 'const aw_addrinfo_entry *': 'NULL',
    'uint64_t *': 'NULL', 'int64_t *': 'NULL', 'aw_file_info *': 'NULL', 'aw_watch_event *': 'NULL',
    'aw_operation_cancel_fn': 'NULL',
}


def fail(text):
    sys.exit(f'tests/bad_handles: {text}')


def split(parameter):
    """The type and the name of a parameter."""
    found = re.fullmatch(r'(.*?)(\w+)', re.sub(r'\s+', ' ', parameter.strip()))
    kind = re.sub(r'\s*\*', ' *', found[1].strip()).replace('* *', '**')
    return kind, found[2]


class Function:
    def __init__(self, result, name, parameters, handles):
        self.result = re.sub(r'\b(AW_STACKFUL|AW_NODISCARD|AW_API)\b', '', result).strip()
        self.name = name
        self.parameters = [] if parameters.strip() == 'void' else [split(p) for p in parameters.split(',') if p.strip() != '...']
        self.handles = handles

    def handle_of(self, kind):
        """The handle that a type points to, and whether it is an array of handles."""
        found = re.fullmatch(r'(?:const )?(aw_\w+) \*(const \*)?', kind)
        return (found[1], bool(found[2])) if found and found[1] in self.handles else (None, False)

    def good(self, kind, name, bad):
        handle, array = self.handle_of(kind)
        if array:
            return f'({handle} *const[]){{good[KIND_{handle}], {"bad" if bad else f"good[KIND_{handle}]"}}}'
        if handle:
            return 'bad' if bad else f'good[KIND_{handle}]'
        if kind.endswith('**') or name.startswith('out_') or name == 'out':
            return 'scratch'
        if (kind, name) == ('const char *', 'format'):
            return '"x"'  # as in printf; elsewhere a format is a number
        if name in BY_NAME:
            return BY_NAME[name]
        if kind in BY_TYPE:
            return BY_TYPE[kind]
        return fail(f'{self.name}: no argument is known for "{kind} {name}": add it to generate.py.')

    def calls(self):
        """(parameter, handle, call) for each handle parameter."""
        for kind, name in self.parameters:
            self.good(kind, name, False)  # all must be known, so that a new kind of handle is not overlooked
        for index, (kind, name) in enumerate(self.parameters):
            handle, array = self.handle_of(kind)
            if not handle:
                continue
            arguments = [self.good(k, n, i == index) for i, (k, n) in enumerate(self.parameters)]
            if array:
                arguments[index + 1] = '2'
            yield name, handle, array, f'{self.name}({", ".join(arguments)})'

    def statement(self, name, handle, call):
        if (self.result == 'aw_status' or self.name in STATUSES) and self.name not in NOTHING:
            return f'return {call};'
        if self.result == 'void':
            return f'{call};\n\treturn AW_EBADHANDLE;'
        if self.name.endswith('_ref'):
            return f'return {call} == bad ? AW_EBADHANDLE : 0;'
        nothing = NOTHING.get(self.name, '0')
        if nothing == '""':
            return f'return *{call} ? 0 : AW_EBADHANDLE;'
        return f'return {call} == {nothing} ? AW_EBADHANDLE : 0;'


def main():
    texts = [re.sub(r'/\*.*?\*/', ' ', pathlib.Path(p).read_text(), flags=re.S) for p in sys.argv[1:]]
    text = re.sub(r'^\s*#.*$', '', '\n'.join(texts), flags=re.M)
    handles = sorted(set(HANDLE.findall(text)) - NOT_HANDLES)
    functions = [Function(*match, handles) for match in FUNCTION.findall(text)]
    print('/* Made by generate.py from the headers. */')
    print('enum kind {' + ', '.join(f'KIND_{h}' for h in handles) + ', KINDS};')
    print('static const char *const kind_names[] = {' + ', '.join(f'"{h}"' for h in handles) + '};')
    print('#define IS_FRAME(kind) (' + ' || '.join(f'(kind) == KIND_{h}' for h in sorted(FRAMES)) + ')')
    for handle in handles:
        if handle not in FRAMES:
            print(f'static void *make_{handle}(aw_loop *loop);')
    print('static void *(*const makers[])(aw_loop *loop) = {' +
          ', '.join('NULL' if h in FRAMES else f'make_{h}' for h in handles) + '};')
    drops = ['NULL' if h in FRAMES else f'drop_{h}' for h in handles]
    for handle in handles:
        if handle not in FRAMES:
            print(f'static void drop_{handle}(void *handle) {{\n\t{handle}_unref(handle);\n}}')
    print('static void (*const droppers[])(void *handle) = {' + ', '.join(drops) + '};')
    table = []
    for function in functions:
        for name, handle, array, call in function.calls():
            symbol = f'call_{function.name}_{name}'
            print(f'static aw_status {symbol}(void **good, void *bad) {{\n\t(void)good;\n\t{function.statement(name, handle, call)}\n}}')
            null = 'NULL_IS_REFUSED'
            if (function.name, name) in MAY_BE_NULL:
                null = 'NULL_IS_NOTHING'
            elif handle == 'aw_loop' and function.result == 'aw_status':
                null = 'NULL_IS_CURRENT'
            in_step = any(function.handle_of(k)[0] == 'aw_resume' for k, _ in function.parameters) and handle != 'aw_resume'
            where = 'IN_WORKER' if function.name.startswith('aw_work_') else 'IN_STEP' if in_step else 'OUTSIDE'
            table.append(f'\t{{"{function.name}", "{name}", {symbol}, KIND_{handle}, {null}, {where}}},')
    print('static const bad_call calls[] = {\n' + '\n'.join(table) + '\n};')
    print(f'enum {{ FUNCTIONS = {len(functions)}, CALLS = {len(table)} }};')


main()
