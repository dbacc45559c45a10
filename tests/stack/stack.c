/* SPDX-License-Identifier: MIT */
/* Labels: internal valgrind */
/*
 * The stack pool: the cost of a stack, the position of guard pages, and the behaviour when memory runs out.
 * With -DPLAIN_CHECK it needs no CUnit, so that tests/aarch64-switch.sh can run it in an emulator.
 */
#ifdef PLAIN_CHECK
#include "plain_check.h"
#else
#include "check.h"
#endif

#include "sanitize.h"
#include "stack.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KIB = 1024 };

static bool is_watched(void) {
#if defined(CORO_ASAN) || defined(CORO_TSAN)
	return true;
#elif defined(CORO_VALGRIND)
	return RUNNING_ON_VALGRIND;
#else
	return false;
#endif
}

/* Runs it in a child; returns its exit code, or minus the signal that killed it. */
static int in_child(int (*run)(void)) {
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) _exit(run());
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) != pid) return -1000;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int mappings(void) {
	FILE *maps = fopen("/proc/self/maps", "r");
	int lines = 0;
	for (int c; maps && (c = fgetc(maps)) != EOF;) lines += c == '\n';
	if (maps) fclose(maps);
	return lines;
}

/* The number of resident pages of a stack; 0 if it isn't mapped. */
static size_t resident_pages(char *base, size_t bytes) {
	unsigned char pages[64];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0;
	for (size_t at = 0; at < bytes; at += sizeof pages * page) {
		size_t part = bytes - at < sizeof pages * page ? bytes - at : sizeof pages * page;
		if (mincore(base + at, part, pages)) return count;
		for (size_t i = 0; i < part / page; i++) count += pages[i] & 1;
	}
	return count;
}

static uint64_t *top_word(const stack *s) {
	return (uint64_t *)(void *)(s->base + s->size) - 1;
}

/* ---- one stack ---- */

static void a_stack_is_usable_from_end_to_end(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, 100 * KIB + 1), 0);
	EXPECT_INT(pool.size % (size_t)sysconf(_SC_PAGESIZE), 0);
	EXPECT(pool.size > 100 * KIB && pool.size <= 200 * KIB);
	stack *s = stack_take(&pool);
	REQUIRE(s);
	EXPECT(s->size <= pool.size && s->size >= pool.size - 2 * KIB);
	EXPECT_INT((uintptr_t)(s->base + s->size) % 64, 0);
	EXPECT(!s->owner_name);
	memset(s->base, 0x5a, s->size);
	EXPECT_INT(s->whole, pool.size); /* the descriptor is not part of it */
	stack_give(&pool, s);
	stack_pool_destroy(&pool);
}

static void sizes_have_a_least_and_a_most(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, 0), 0);
	EXPECT_INT(pool.size, STACK_MIN);
	EXPECT_INT(stack_pool_resize(&pool, SIZE_MAX), -EINVAL);
	EXPECT_INT(pool.size, STACK_MIN);
	EXPECT_INT(stack_pool_init(&pool, SIZE_MAX - 1), -EINVAL);
	/* Not absurd, but more than is available. */
	EXPECT_INT(stack_pool_init(&pool, SIZE_MAX / 8), 0);
	EXPECT(!stack_take(&pool));
	stack_pool_destroy(&pool);
}

static void the_last_given_is_taken_first(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, 64 * KIB), 0);
	stack *s[8];
	for (int i = 0; i < 8; i++) {
		s[i] = stack_take(&pool);
		REQUIRE(s[i]);
		s[i]->owner_name = "somebody";
	}
	for (int i = 0; i < 8; i++) stack_give(&pool, s[i]);
	for (int i = 7; i >= 0; i--) {
		stack *again = stack_take(&pool);
		EXPECT(again == s[i]);
		EXPECT(!again->owner_name);
	}
	for (int i = 0; i < 8; i++) stack_give(&pool, s[i]);
	stack_pool_destroy(&pool);
}

/* ---- cost ---- */

static void a_stack_costs_one_page_until_it_is_used(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, 256 * KIB), 0);
	stack *s[100];
	for (int i = 0; i < 100; i++) {
		s[i] = stack_take(&pool);
		REQUIRE(s[i]);
		*top_word(s[i]) = 1;
	}
	size_t pages = 0;
	for (int i = 0; i < 100; i++) pages += resident_pages(s[i]->base, s[i]->whole);
	EXPECT_INT(pages, 100);
	for (int i = 0; i < 100; i++) stack_give(&pool, s[i]);
	stack_pool_destroy(&pool);
}

static void free_stacks_give_their_memory_back(void) {
	enum { COUNT = 3000, HOT = 1024, PAGES = 5 };
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, 64 * KIB), 0);
	static stack *s[COUNT];
	static char *bases[COUNT];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = pool.size;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < COUNT; i++) {
			s[i] = stack_take(&pool);
			REQUIRE(s[i]);
			bases[i] = s[i]->base;
			for (size_t p = 0; p < PAGES - 1; p++) s[i]->base[p * page] = 1;
			*top_word(s[i]) = 1;
		}
		for (int i = 0; i < COUNT; i++) stack_give(&pool, s[i]);
		EXPECT_INT(pool.live_count, 0);
		size_t pages = 0;
		for (int i = 0; i < COUNT; i++) pages += resident_pages(bases[i], whole);
		EXPECT(pages >= PAGES && pages <= HOT * PAGES); /* a few stay resident for reuse */
	}
	stack_pool_destroy(&pool);
	size_t pages = 0;
	for (int i = 0; i < COUNT; i++) pages += resident_pages(bases[i], whole);
	EXPECT_INT(pages, 0);
}

static void pools_come_and_go_without_a_trace(void) {
	int before = 0;
	for (int round = 0; round < 50; round++) {
		stack_pool pool;
		EXPECT_INT(stack_pool_init(&pool, 32 * KIB), 0);
		stack *s[40];
		for (int i = 0; i < 40; i++) {
			s[i] = stack_take(&pool);
			REQUIRE(s[i]);
		}
		for (int i = 0; i < 40; i++) stack_give(&pool, s[(i * 7) % 40]);
		stack_pool_destroy(&pool);
		if (round == 5) before = mappings();
	}
	if (is_watched()) SKIP("the watcher's own mappings come and go");
	EXPECT_INT(mappings(), before);
}

static int take_many(size_t count) {
	stack_pool pool;
	if (stack_pool_init(&pool, STACK_MIN)) return 2;
	stack **s = calloc(count, sizeof *s);
	if (!s) return 2;
	int before = mappings();
	for (size_t i = 0; i < count; i++) {
		s[i] = stack_take(&pool);
		if (!s[i]) return 3;
		*top_word(s[i]) = i;
	}
	if (!is_watched() && mappings() - before > 200) return 4;
	for (size_t i = 0; i < count; i++)
		if (*top_word(s[i]) != i) return 5;
	/* In a different order from their allocation, so that slabs empty gradually. */
	for (size_t i = 0; i < count; i++) stack_give(&pool, s[i * 7919 % count]);
	stack_pool_destroy(&pool);
	free(s);
	return mappings() - before > 50 ? 6 : 0;
}

static int take_a_hundred_thousand(void) {
	return take_many(is_watched() ? 2000 : 100 * 1000);
}

static bool kernel_has_guards(void) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) return false;
	bool has = madvise(memory, page, 102) == 0 && madvise(memory, page, 0x7fff) != 0;
	munmap(memory, page);
	return has;
}

static void a_hundred_thousand_live_at_once_in_few_mappings(void) {
	if (!kernel_has_guards())
		SKIP("without MADV_GUARD_INSTALL (Linux 6.13) each guard is a mapping, and those are limited");
	EXPECT_INT(in_child(take_a_hundred_thousand), 0);
}

/* ---- with a memory checker ---- */

static volatile int *volatile dangling;

static int touch_after_give(void) {
	if (!freopen("/dev/null", "w", stderr)) return 2;
	stack_pool pool;
	if (stack_pool_init(&pool, STACK_MIN)) return 3;
	stack *s = stack_take(&pool);
	if (!s) return 4;
	dangling = (int *)(void *)top_word(s);
	*dangling = 1;
	stack_give(&pool, s);
	if (stack_take(&pool) != s) return 5;
	*dangling = 2; /* the stack is in use again */
	stack_give(&pool, s);
	*dangling = 3;
	return 40;
}

static void asan_sees_a_write_to_a_stack_that_was_given_back(void) {
#ifdef CORO_VALGRIND
	if (RUNNING_ON_VALGRIND) SKIP("valgrind sees it too, and would count it");
#endif
#ifdef CORO_ASAN
	int code = in_child(touch_after_give);
	EXPECT(code == 1 || code < 0 || code > 40); /* the checker's report, not one of the codes above */
#else
	EXPECT_INT(in_child(touch_after_give), 40); /* without a checker, nothing happens */
#endif
}

/* ---- other sizes ---- */

static void a_new_size_holds_for_the_stacks_taken_after_it(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, 64 * KIB), 0);
	stack *small[40], *large[40];
	for (int i = 0; i < 40; i++) REQUIRE((small[i] = stack_take(&pool)));
	stack_give(&pool, small[39]);
	EXPECT_INT(stack_pool_resize(&pool, 512 * KIB), 0);
	for (int i = 0; i < 40; i++) {
		REQUIRE((large[i] = stack_take(&pool)));
		EXPECT_INT(large[i]->whole, 512 * KIB);
		memset(large[i]->base, i, large[i]->size);
	}
	for (int i = 0; i < 39; i++) {
		EXPECT_INT(small[i]->whole, 64 * KIB);
		memset(small[i]->base, i, small[i]->size);
	}
	for (int i = 0; i < 39; i++) stack_give(&pool, small[i]);
	EXPECT_INT(stack_pool_resize(&pool, 64 * KIB), 0);
	for (int i = 0; i < 40; i++) stack_give(&pool, large[i]);
	EXPECT_INT(pool.live_count, 0);
	EXPECT_INT(pool.hot_count, 0);
	EXPECT(!pool.slabs.first || pool.slabs.first == pool.slabs.last); /* at most the spare slab is left */
	for (int i = 0; i < 40; i++) {
		REQUIRE((small[i] = stack_take(&pool)));
		EXPECT_INT(small[i]->whole, 64 * KIB);
	}
	for (int i = 0; i < 40; i++) stack_give(&pool, small[i]);
	stack_pool_destroy(&pool);
	EXPECT(!pool.slabs.first);
}

/* ---- guards ---- */

static void a_guard_belongs_to_the_live_stack_above_it(void) {
	stack_pool pool, other;
	EXPECT_INT(stack_pool_init(&pool, 256 * KIB), 0);
	EXPECT_INT(stack_pool_init(&other, 16 * KIB), 0);
	stack *s = stack_take(&pool), *t = stack_take(&pool), *u = stack_take(&other);
	REQUIRE(s && t && u);
	EXPECT(stack_find(s->base - 1) == s);
	EXPECT(stack_find(s->base - 64 * KIB) == s);
	EXPECT(stack_find(t->base - 1) == t);
	EXPECT(stack_find(u->base - 16 * KIB) == u);
	EXPECT(!stack_find(s->base));
	EXPECT(!stack_find(s->base + s->size));
	EXPECT(!stack_find(NULL));
	EXPECT(!stack_find(&pool));
	EXPECT(!stack_find((void *)UINTPTR_MAX));
	char *below = t->base - 1;
	stack_give(&pool, t);
	EXPECT(!stack_find(below));
	stack_give(&pool, s);
	stack_give(&other, u);
	stack_pool_destroy(&pool);
	EXPECT(!stack_find(below));
	stack_pool_destroy(&other);
}

/* Checked by the kernel: a write from there to a pipe fails with EFAULT. */
static bool is_readable(const char *address) {
	int fds[2];
	if (pipe(fds)) return false;
	ssize_t n = syscall(SYS_write, fds[1], address, 1);
	close(fds[0]);
	close(fds[1]);
	return n == 1;
}

static int look_at_guards(void) {
	stack_pool pool;
	if (stack_pool_init(&pool, 64 * KIB)) return 2;
	stack *s[40];
	for (int i = 0; i < 40; i++)
		if (!(s[i] = stack_take(&pool))) return 3;
	for (int i = 0; i < 40; i++) {
		s[i]->base[0] = 1;
		if (is_readable(s[i]->base - 1) || is_readable(s[i]->base - 16 * KIB)) return 4;
		if (!is_readable(s[i]->base)) return 5;
	}
	for (int i = 0; i < 40; i++) stack_give(&pool, s[i]);
	for (int i = 0; i < 40; i++)
		if (!(s[i] = stack_take(&pool)) || is_readable(s[i]->base - 1)) return 6;
	for (int i = 0; i < 40; i++) stack_give(&pool, s[i]);
	stack_pool_destroy(&pool);
	return 0;
}

static void every_guard_refuses_access(void) {
	EXPECT_INT(look_at_guards(), 0);
}

static void guards_stand_in_a_forked_child_too(void) {
	stack_pool pool;
	EXPECT_INT(stack_pool_init(&pool, 64 * KIB), 0);
	stack *s = stack_take(&pool);
	REQUIRE(s);
	s->base[0] = 1;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) _exit(is_readable(s->base - 1) || !is_readable(s->base));
	int status = -1;
	EXPECT(waitpid(pid, &status, 0) == pid);
	EXPECT_INT(status, 0);
	stack_give(&pool, s);
	stack_pool_destroy(&pool);
}

/* From here on this process sees a kernel before 6.13. */
static bool forget_guards(void) {
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 102, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof code / sizeof *code, code};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int look_at_guards_of_an_old_kernel(void) {
	if (!forget_guards() || kernel_has_guards()) return 77;
	return look_at_guards();
}

static void an_old_kernel_protects_pages_instead(void) {
	int result = in_child(look_at_guards_of_an_old_kernel);
	if (result == 77) SKIP("no seccomp filter can be installed");
	EXPECT_INT(result, 0);
}

/* ---- when memory runs out ---- */

/*
 * Allocates until memory runs out, and checks that everything works: the allocated stacks are usable, and can
 * be freed and allocated again.
 */
static int take_all(size_t size, size_t least, size_t most) {
	stack_pool pool;
	if (stack_pool_init(&pool, size)) return 2;
	stack *all = NULL;
	size_t count = 0;
	for (; count < most; count++) {
		stack *s = stack_take(&pool);
		if (!s) break;
		s->next = all;
		all = s;
		s->base[0] = 1;
	}
	if (count == most) return 77;
	if (count < least || stack_take(&pool)) return 3;
	stack *one = all;
	all = all->next;
	stack_give(&pool, one);
	if (stack_take(&pool) != one) return 4;
	stack_give(&pool, one);
	while (all) {
		stack *s = all;
		all = s->next;
		if (s->base[0] != 1) return 5;
		stack_give(&pool, s);
	}
	if (pool.live_count) return 6;
	stack *again = stack_take(&pool);
	if (!again) return 7;
	stack_give(&pool, again);
	stack_pool_destroy(&pool);
	return 0;
}

static int take_all_mappings(void) {
	if (!forget_guards()) return 77;
	return take_all(STACK_MIN, 1000, 100 * 1000);
}

static void no_mapping_left_is_an_answer_and_no_crash(void) {
	if (is_watched()) SKIP("the watcher needs its own mappings");
	int result = in_child(take_all_mappings);
	if (result == 77) SKIP("no seccomp filter, or vm.max_map_count is very high");
	EXPECT_INT(result, 0);
}

static int take_all_memory(void) {
	struct rlimit limit = {256u * KIB * KIB, 256u * KIB * KIB};
	if (setrlimit(RLIMIT_AS, &limit)) return 77;
	/* up to the last megabytes, where a whole slab doesn't fit any more */
	return take_all(1024 * KIB, 200, 1000);
}

static void no_address_space_left_is_an_answer_and_no_crash(void) {
	if (is_watched()) SKIP("the watcher needs its own address space");
	int result = in_child(take_all_memory);
	if (result == 77) SKIP("address space can't be limited here");
	EXPECT_INT(result, 0);
}

CHECK_MAIN("stack", TEST(a_stack_is_usable_from_end_to_end), TEST(sizes_have_a_least_and_a_most),
           TEST(the_last_given_is_taken_first), TEST(a_stack_costs_one_page_until_it_is_used),
           TEST(free_stacks_give_their_memory_back), TEST(pools_come_and_go_without_a_trace),
           TEST(a_hundred_thousand_live_at_once_in_few_mappings),
           TEST(asan_sees_a_write_to_a_stack_that_was_given_back),
           TEST(a_new_size_holds_for_the_stacks_taken_after_it),
           TEST(a_guard_belongs_to_the_live_stack_above_it), TEST(every_guard_refuses_access),
           TEST(guards_stand_in_a_forked_child_too), TEST(an_old_kernel_protects_pages_instead),
           TEST(no_mapping_left_is_an_answer_and_no_crash),
           TEST(no_address_space_left_is_an_answer_and_no_crash))
