/* SPDX-License-Identifier: MIT */
/* The library's version. The string comes from the build, which checks it against the header's number. */
#include <assert.h>
#include <await/base.h>

static_assert(AW_VERSION == BUILD_VERSION_NUMBER, "base.h and meson.build name different versions");

const char *aw_version(void) {
	return BUILD_VERSION;
}

int32_t aw_version_number(void) {
	return AW_VERSION;
}

int32_t aw_abi_version(void) {
	return BUILD_SOVERSION;
}
