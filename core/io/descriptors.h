/* SPDX-License-Identifier: MIT */
/* The loop's table of readers and writers. */
#ifndef CORE_DESCRIPTORS_H
#define CORE_DESCRIPTORS_H

#include "loop.h"

/* The loop closed, and every watcher has ended. */
void descriptors_free(aw_loop *loop);

#endif
