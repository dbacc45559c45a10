/* SPDX-License-Identifier: MIT */
/* The library's version. The build defines the text; the assertion checks the header's number against it. */
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
