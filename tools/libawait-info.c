/* SPDX-License-Identifier: MIT */
/*
 * Prints the version of the library and the backends: which are usable, and why the others are not.
 *
 * Usage: libawait-info [BACKEND[,BACKEND…]]. Also prints which of the given backends a loop would use;
 * without an argument, which it uses by default. With --version, prints only the version. Exits with 1 if no
 * backend is usable.
 */
#include <await/await.h>
#include <await/registry.h>
#include <stdio.h>
#include <string.h>

static int print_backends(void) {
	aw_backend_list *list;
	aw_status status = aw_backend_list_new(&list);
	if (status < 0) {
		fprintf(stderr, "libawait-info: %s\n", aw_strerror(status));
		return 1;
	}
	for (size_t i = 0; i < aw_backend_list_count(list); i++) {
		aw_status usable = aw_backend_list_status(list, i);
		const char *class = aw_backend_list_class(list, i);
		printf("%-10s %-8s class %s  %s\n", aw_backend_list_name(list, i),
		       usable == 0 ? "usable" : "unusable", *class ? class : "-",
		       aw_backend_list_description(list, i));
		printf("%-10s %s\n", "", aw_backend_list_origin(list, i));
		if (usable < 0) printf("%-10s %s: %s\n", "", aw_err_name(usable), aw_backend_list_reason(list, i));
	}
	aw_backend_list_unref(list);
	return 0;
}

int main(int argc, char **argv) {
	if (argc == 2 && strcmp(argv[1], "--version") == 0) return printf("libawait %s\n", aw_version()) < 0;
	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		FILE *to = argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr;
		fprintf(to, "usage: libawait-info [--version | BACKEND[,BACKEND...]]\n");
		return to == stdout ? 0 : 2;
	}
	printf("libawait   %s (ABI %d)\n\n", aw_version(), (int)aw_abi_version());
	int failed = print_backends();
	char text[2048];
	aw_status status = aw_backend_explain(argc == 2 ? argv[1] : NULL, text, sizeof text);
	printf("\n%-10s %s\n", status == 0 ? "taken" : "none", text);
	if (status < 0) printf("%-10s %s: %s\n", "", aw_err_name(status), aw_strerror(status));
	return failed || status < 0;
}
