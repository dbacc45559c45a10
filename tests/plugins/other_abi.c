/* SPDX-License-Identifier: MIT */
/* Built for a future interface version; the rest of its table is garbage. */
#include "plugin.h"

static const struct {
	uint32_t abi, size;
	uintptr_t garbage[16];
} table = {AW_BACKEND_ABI + 1, sizeof table, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};

const aw_backend *aw_backend_entry(void) {
	return (const aw_backend *)(const void *)&table;
}
