/* SPDX-License-Identifier: MIT */
/* A directory is watched while another task writes files into it; a file is then replaced and listed. */
#include <await/easy.h>
#include <stdio.h>
#include <string.h>

static aw_status write_report(void *ud) {
	(void)ud;
	AW_AUTO(aw_file) file = NULL;
	AW_TRY(aw_file_open("reports/draft", AW_FILE_WRITE | AW_FILE_CREATE, 0644, &file));
	AW_TRY(aw_file_write(file, "a draft\n", 8, NULL));
	AW_TRY(aw_file_close(file)); /* the last chance to learn of an error */
	return aw_path_rename("reports/draft", "reports/final", 0);
}

/* Prints events until a file is renamed. */
static aw_status print_events(aw_watch *watch) {
	for (uint32_t kinds = 0; !(kinds & AW_WATCH_MOVED);) {
		aw_watch_event *event = NULL;
		AW_TRY(aw_watch_next(watch, &event));
		kinds = event->kinds;
		if (kinds & AW_WATCH_CREATED) printf("created: %s\n", event->path);
		if (kinds & AW_WATCH_MOVED) printf("renamed: %s to %s\n", event->old_path, event->path);
		aw_watch_event_free(event); /* each event is the caller's */
	}
	return 0;
}

static aw_status list(const char *path) {
	AW_AUTO(aw_iterator) walk = NULL;
	void *item = NULL;
	aw_destroy_fn destroy = NULL;
	aw_status status;
	AW_TRY(aw_walk_new(NULL, path, AW_WALK_ALL, &walk));
	while ((status = aw_iterator_next(walk, &item, &destroy)) == 0) {
		printf("found: %s\n", ((aw_walk_entry *)item)->path);
		destroy(item);
	}
	return status == AW_ESTOPITERATION ? 0 : status;
}

AW_MAIN() {
	AW_TRY(aw_path_mkdir("reports", 0755, AW_PATH_PARENTS));
	AW_AUTO(aw_watch) watch = NULL;
	AW_AUTO(aw_future) writer = NULL;
	AW_TRY(aw_watch_new(NULL, &watch));
	AW_TRY(aw_watch_add(watch, "reports", AW_WATCH_CREATED | AW_WATCH_MOVED, AW_WATCH_TREE));
	AW_TRY(aw_task_spawn_future(NULL, write_report, NULL, NULL, &writer));
	AW_TRY(print_events(watch));
	AW_TRY(aw_await(writer, NULL));

	void *text = NULL;
	aw_destroy_fn destroy = NULL;
	AW_TRY(aw_file_replace("reports/final", "the report\n", 11, 0644)); /* old or new, never between */
	AW_TRY(aw_file_read_whole("reports/final", 1 << 20, &text, NULL, &destroy));
	printf("content: %s", (const char *)text);
	destroy(text);
	return list("reports");
}
