/* SPDX-License-Identifier: MIT */
/* Its entry function returns NULL. */
#include "plugin.h"

const aw_backend *aw_backend_entry(void) {
	return NULL;
}
