/* SPDX-License-Identifier: MIT */
/* Can be loaded, but not used on this system. */
#include "plugin.h"

static aw_status refuse(char *why, size_t length) {
	if (why && length) snprintf(why, length, "it is raining");
	return -EPERM;
}

static const aw_backend table = {
	.abi = AW_BACKEND_ABI,
	.size = sizeof(aw_backend),
	.name = "refuses",
	.description = "is never usable",
	.capabilities = AW_BACKEND_CLASS_B,
	.probe = refuse,
	.open = plugin_open,
	.close = plugin_close,
	.abandon = plugin_close,
	.submit = plugin_submit,
	.cancel = plugin_cancel,
	.wait = plugin_wait,
	.wake = plugin_close,
	.fd = plugin_fd,
};

const aw_backend *aw_backend_entry(void) {
	return &table;
}
