/* SPDX-License-Identifier: MIT */
/**
 * @file debug.h
 * Looking at the library from outside.
 */
#ifndef AWAIT_DEBUG_H
#define AWAIT_DEBUG_H

#include <await/base.h>

AW_BEGIN_DECLS

/** How many handles of any kind are alive in this process. Any thread. */
AW_API int64_t aw_debug_live_handles(void);
/**
 * Installs a SIGSEGV handler on an alternate stack of the calling thread, which names the task whose stack overflowed and then hands
 * over to the handler found before. Once per process for the handler, once per thread for its stack. `AWAIT_DEBUG=1` does it too.
 */
AW_API aw_status aw_debug_report_overflow(void);

/** What aw_loop_print_tasks() writes. */
enum aw_print_format { AW_PRINT_TEXT = 0, AW_PRINT_JSON = 1 };

/**
 * Writes the tree of the loop's tasks to `fd`: each with its name, what it awaits and for how long (in debug mode), those awaited by another
 * below it, each once. `format` is one of ::aw_print_format. -errno if the descriptor takes no more. asyncio: python -m asyncio pstree.
 */
AW_API aw_status aw_loop_print_tasks(aw_loop *loop, int fd, int32_t format);

AW_END_DECLS

#endif
