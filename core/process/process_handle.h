/* SPDX-License-Identifier: MIT */
/* The handle of a child inside the library. */
#ifndef CORE_AWAIT_PROCESS_HANDLE_H
#define CORE_AWAIT_PROCESS_HANDLE_H

#include "child.h"

/* Starts a child on options that were checked, or notes why not. The handle is handed out to `origin`. */
aw_status process_start(aw_loop *loop, const char *const *argv, size_t count,
                        const aw_process_options *options, const void *origin, aw_process **out);
/* 0, or what is wrong with the arguments of a start; sets the defaults. */
aw_status process_check_start(aw_loop **loop, const char *const *argv, size_t count,
                              const aw_process_options *options, const void *out);
child *process_child(const aw_process *process);

#endif
