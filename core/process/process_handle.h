/* SPDX-License-Identifier: MIT */
/* Internal interface of process handles. */
#ifndef CORE_AWAIT_PROCESS_HANDLE_H
#define CORE_AWAIT_PROCESS_HANDLE_H

#include "child.h"

/* Starts a child with checked options; notes a failure. The handle is handed out to `origin`. */
aw_status process_start(aw_loop *loop, const char *const *argv, size_t count,
                        const aw_process_options *options, const void *origin, aw_process **out);
/* Checks the arguments of a start, and resolves the default loop. */
aw_status process_check_start(aw_loop **loop, const char *const *argv, size_t count,
                              const aw_process_options *options, const void *out);
/* Returns 0 if the calling thread may use the process. */
aw_status process_check(const aw_process *process);
child *process_child(const aw_process *process);

#endif
