/* SPDX-License-Identifier: MIT */
/* Readiness of a descriptor, for internal callers. */
#ifndef CORE_DESCRIPTORS_H
#define CORE_DESCRIPTORS_H

#include "future.h"

/* aw_fd_wait() with checked arguments. The future is not handed out. */
aw_status fd_wait(aw_loop *loop, int fd, uint32_t events, const void *origin, aw_future **out);

#endif
