/* SPDX-License-Identifier: MIT */
/* The plug-in that fuzz_plugin.c damages. Unlike the others in the tests, it has a TLS segment. */
#include "../plugins/plugin.h"

static _Thread_local volatile int probes = 1, zeros[4];

static aw_status counting_probe(char *why, size_t length) {
	probes += 1 + zeros[0];
	return plugin_probe(why, length);
}

const aw_backend *aw_backend_entry(void) {
	static aw_backend table = {PLUGIN("fuzz")};
	table.probe = counting_probe;
	return &table;
}
