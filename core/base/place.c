/* SPDX-License-Identifier: MIT */
/*
 * Names for addresses. Only exported symbols have names at run time: the static functions of a program, and
 * all of them unless it is linked with -rdynamic, are told by file and offset. The offset is from the load
 * address and not from the first mapped byte, so that it is right for addr2line in an executable that is not
 * relocatable too.
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
	/* From an integer: an address of code is not one of data, and only looked up. */
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
	/* The call, and not what follows it: that may be another line, or another function. */
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
