/* SPDX-License-Identifier: MIT */
/*
 * Per-thread state, and fork detection.
 *
 * The fork word is on a page that the kernel wipes in a child (MADV_WIPEONFORK), so the check is one load and
 * no system call.
 */
#include "threads.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

_Thread_local thread thread_state;
pthread_mutex_t threads_mutex = PTHREAD_MUTEX_INITIALIZER;
uint32_t *threads_fork_word;

static uint32_t fork_count;
_Atomic uint64_t threads_task_count;

uint32_t threads_fork_generation(void) {
	pthread_mutex_lock(&threads_mutex);
	if (!threads_fork_word) {
		size_t page = (size_t)sysconf(_SC_PAGESIZE);
		void *word = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (word == MAP_FAILED) {
			pthread_mutex_unlock(&threads_mutex);
			return 0;
		}
		/* Before Linux 4.14 this fails, and forks go undetected; everything else works. */
		(void)madvise(word, page, MADV_WIPEONFORK);
		threads_fork_word = word;
	}
	/*
	 * Zero in a new process and after a fork. A child gets a new value, so that inherited loops do not match.
	 */
	if (!*threads_fork_word) *threads_fork_word = ++fork_count;
	uint32_t generation = *threads_fork_word;
	pthread_mutex_unlock(&threads_mutex);
	return generation;
}
