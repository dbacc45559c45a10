/* SPDX-License-Identifier: MIT */
#include "object.h"
#include "slab.h"
#include "stack.h"

#include <await/debug.h>
#include <errno.h>

aw_status aw_debug_free_caches(void) {
	if (aw_debug_live_handles() > 0) return -EBUSY;
	slab_free_all();
	stack_slabs_free();
	return 0;
}
