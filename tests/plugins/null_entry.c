/* SPDX-License-Identifier: MIT */
/* Its entry gives nothing. */
#include "plugin.h"

const aw_backend *aw_backend_entry(void) {
	return NULL;
}
