/* SPDX-License-Identifier: MIT */
/* The completion queue inside the library: made at the first submit. */
#ifndef CORE_COMPLETION_H
#define CORE_COMPLETION_H

#include "loop.h"

/* The loop closed, and every operation has ended. */
void completion_queue_free(aw_loop *loop);

#endif
