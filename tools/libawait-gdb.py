# SPDX-License-Identifier: MIT
"""gdb commands for programs that use libawait, in a live process or a core file. Needs the library's debug information.
Supports x86-64 and AArch64.

  await tasks        the tasks of all loops, and what each one awaits
  await bt NAME      the backtrace of a suspended stackful task
  await bt           the backtraces of all of them

gdb loads this file automatically for an installed library; otherwise run `source libawait-gdb.py`.
"""
import gdb
import gdb.unwinder

# The context switch. On x86-64 (core/stack/switch.h): where the context has the registers; those that are missing are on the stack, where
# the function that switches has saved them. On AArch64 (switch_aarch64.S): offsets from the saved stack pointer, and the frame's size.
X86_64 = {'rsp': 0, 'rip': 8, 'rbp': 16}, None, 'rsp', 'rip'
AARCH64 = {f'x{19 + i}': 8 * i for i in range(12)} | {'pc': 88}, 176, 'sp', 'pc'


def layout():
    name = gdb.selected_frame().architecture().name()
    if name.startswith('i386:x86-64'):
        return X86_64
    if name.startswith('aarch64'):
        return AARCH64
    raise gdb.GdbError(f'unsupported architecture {name}')


def listed(head):
    at = head['first']
    while int(at):
        yield at
        at = at['next']


def container(pointer, type_name, field):
    holder = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in holder.fields() if f.name == field)
    return gdb.Value(int(pointer) - offset).cast(holder.pointer())


def loops():
    try:
        domains = gdb.parse_and_eval("'object.c'::domains")
    except gdb.error:
        raise gdb.GdbError('no debug information for libawait') from None
    for domain in listed(domains):
        yield container(domain, 'struct aw_loop', 'domain')


def tasks():
    return [task for loop in loops() for task in listed(loop['tasks'])]


def task_name(task):
    extra = task['future']['extra'].cast(gdb.lookup_type('struct task_extra').pointer())
    named = int(extra) and int(extra['name'])
    return extra['name'].string(errors='replace') if named else f'Task-{int(task["number"])}'


def awaits(task):
    future = task['waiting']
    if not int(future):
        return 'running' if int(task['future']['loop']['current']) == int(task) else 'ready'
    kind = future['kind'].dereference()
    if int(future['state']):
        return 'ready'
    if int(kind['is_task']):
        return f'awaits task {task_name(future.cast(gdb.lookup_type("struct aw_task").pointer()))}'
    what = kind['what'].string() if int(kind['what']) else 'future'
    return f'awaits {what} {int(future):#x}'


class Suspended(gdb.unwinder.Unwinder):
    """Presents a suspended coroutine as the caller of the innermost frame. Does not modify the process, so it works on core files."""

    def __init__(self):
        super().__init__('libawait')
        self.saved = None

    def __call__(self, pending):
        if self.saved is None:
            return None
        (saved, (offsets, size, sp_name, pc_name)), self.saved = self.saved, None
        sp, pc = pending.read_register(sp_name), pending.read_register(pc_name)
        info = pending.create_unwind_info(FrameId(sp, pc))
        word = gdb.lookup_type('unsigned long')
        for name, offset in offsets.items():
            value = gdb.Value(saved + offset).cast(word.pointer()).dereference()
            info.add_saved_register(name, value.cast(pending.read_register(name).type))
        if size is not None:
            info.add_saved_register(sp_name, gdb.Value(saved + size).cast(sp.type))
        return info


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


unwinder = Suspended()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)


def backtrace(task):
    stackful = task['stackful']
    print(f'{task_name(task)} {awaits(task)}')
    if not int(stackful) or not bool(stackful['started']) or int(task['future']['loop']['current']) == int(task):
        return
    gdb.newest_frame().select()
    registers = layout()
    context = stackful['context']
    unwinder.saved = int(context.address if registers[1] is None else context['sp']), registers
    gdb.invalidate_cached_frames()
    try:
        text = gdb.execute('backtrace', to_string=True)
    finally:
        unwinder.saved = None
        gdb.invalidate_cached_frames()
    # Skip the first frame, which is the thread's own.
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith('#1 ')), len(lines))
    print('\n'.join('  ' + line for line in lines[start:]))


class Await(gdb.Command):
    __doc__ = __doc__

    def __init__(self):
        super().__init__('await', gdb.COMMAND_STACK, prefix=True)


class AwaitTasks(gdb.Command):
    """Lists the tasks of all loops, and what each one awaits."""

    def __init__(self):
        super().__init__('await tasks', gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        for task in tasks():
            print(f'{task_name(task)} {awaits(task)}')


class AwaitBacktrace(gdb.Command):
    """Prints the backtrace of the suspended stackful task with this name, or of all tasks."""

    def __init__(self):
        super().__init__('await bt', gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        named = [task for task in tasks() if not argument or task_name(task) == argument]
        if not named:
            raise gdb.GdbError(f'no task {argument}' if argument else 'no tasks')
        for task in named:
            backtrace(task)


Await()
AwaitTasks()
AwaitBacktrace()
