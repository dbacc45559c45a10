/* SPDX-License-Identifier: MIT */
/*
 * Symbolizes code addresses. Only exported symbols have names at run time. A static function, or any function
 * of a program that is not linked with -rdynamic, is printed as file and offset. The offset counts from the
 * load address instead of the first mapped byte, which makes it right for addr2line in a non-PIE executable
 * too.
 */
#include "place.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct place {
	const char *file, *symbol;
	uintptr_t offset; /* from the symbol, or from the file's load address */
} place;

static place find(uintptr_t address) {
	Dl_info info = {0};
	struct link_map *map = NULL;
	/* The cast is fine: the address is only looked up, not dereferenced. */
	if (!dladdr1((const void *)address, &info, (void **)&map, RTLD_DL_LINKMAP)) info = (Dl_info){0};
	const char *file = info.dli_fname && *info.dli_fname ? info.dli_fname : program_invocation_name;
	const char *slash = strrchr(file, '/');
	place found = {.file = slash ? slash + 1 : file, .symbol = info.dli_sname};
	found.offset = info.dli_sname ? address - (uintptr_t)info.dli_saddr
	               : map          ? address - (uintptr_t)map->l_addr
	                              : address;
	return found;
}

void place_of_call(const void *address, char *text, size_t size) {
	/* Look up the call instruction: the return address may belong to another line or function. */
	place found = find((uintptr_t)address - 1);
	snprintf(text, size, "%s(%s+0x%" PRIxPTR ")", found.file, found.symbol ? found.symbol : "", found.offset);
}

void place_of_function(const void *address, char *text, size_t size) {
	place found = find((uintptr_t)address);
	if (found.symbol && found.offset == 0)
		snprintf(text, size, "%s", found.symbol);
	else
		snprintf(text, size, "%s(%s+0x%" PRIxPTR ")", found.file, found.symbol ? found.symbol : "",
		         found.offset);
}
