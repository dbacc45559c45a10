/* SPDX-License-Identifier: MIT */
/* A shared object that is not a plug-in. */
int a_shared_object_of_another_kind(void);

int a_shared_object_of_another_kind(void) {
	return 1;
}
