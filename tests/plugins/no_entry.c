/* SPDX-License-Identifier: MIT */
/* A shared object, and no plug-in. */
int a_shared_object_of_another_kind(void);

int a_shared_object_of_another_kind(void) {
	return 1;
}
