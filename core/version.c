/* SPDX-License-Identifier: MIT */
/* Which library this is. The numbers come from the build. */
#include <await/base.h>

const char *aw_version(void) {
	return AW_VERSION;
}

int32_t aw_version_number(void) {
	return AW_VERSION_NUMBER;
}

int32_t aw_abi_version(void) {
	return AW_SOVERSION;
}
