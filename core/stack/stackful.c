/* SPDX-License-Identifier: MIT */
/*
 * Stackful coroutines behind the step interface.
 *
 * The struct is at the top of the stack it describes, so a coroutine needs one stack and no other allocation.
 * A step switches to the stack; an await stores its request in the resume and switches back. To call a
 * function on the thread's own stack (a host's destroy function), the coroutine switches out, the step runs
 * it, and switches in again.
 */
#include "stackful.h"

#include "error.h"

#include <execinfo.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* A backtrace that a suspended coroutine takes of itself: the unwinder can only start at the running code. */
typedef struct backtrace_request {
	void **frames;
	size_t max, count;
} backtrace_request;

static void stackful_entry(void *arg) {
	stackful *self = arg;
	self->status = self->fn(self->ud);
	self->finished = true;
	self->resume.answer = RESUME_NONE;
	coro_switch_final(&self->context, &self->own);
}

/* The space for the struct at the top of the stack, rounded up to keep the first frame aligned. */
enum { STACKFUL_SIZE = (sizeof(stackful) + 63) / 64 * 64 };

/* More stack than the unwinder needs. */
enum { BACKTRACE_ROOM = 12 * 1024 };

void stackful_serve_backtraces(stackful *self, int above) {
	while (self->backtrace) {
		backtrace_request *what = self->backtrace;
		/* Skip stackful_entry() and coro_begin() at the other end. */
		enum { BELOW = 2, FRAMES_MAX = 64 };
		void *all[FRAMES_MAX];
		bool has_room = (size_t)((char *)__builtin_frame_address(0) - self->stack->base) >= BACKTRACE_ROOM;
		int count = has_room ? backtrace(all, FRAMES_MAX) : 0;
		if (count < FRAMES_MAX) count -= BELOW;
		for (int i = above; i < count && what->count < what->max; i++) what->frames[what->count++] = all[i];
		coro_switch(&self->context, &self->own);
	}
}

/* Switches to the thread's stack, and back for good when the switch has its purpose. */
static inline __attribute__((always_inline)) void switch_out(stackful *self) {
	coro_switch(&self->context, &self->own);
	enum { ABOVE = 2 }; /* the function that does it, and the one that this is a part of */
	if (__builtin_expect(self->backtrace != NULL, 0)) stackful_serve_backtraces(self, ABOVE);
}

static void stackful_call_on_thread_stack(flow *base, void (*fn)(void *arg), void *arg) {
	stackful *self = (stackful *)base;
	self->call = fn;
	self->call_arg = arg;
	self->resume.answer = RESUME_CALL;
	switch_out(self);
}

stackful *stackful_new(stack_pool *pool, aw_task_fn fn, void *ud, aw_destroy_fn destroy) {
	stack *memory = stack_take(pool);
	if (!memory) return NULL;
	memory->size -= STACKFUL_SIZE;
	stackful *self = (stackful *)(void *)(memory->base + memory->size);
	/* Field by field: the two contexts are set by the first step. */
	self->flow.call_on_thread_stack = stackful_call_on_thread_stack;
	self->resume = (aw_resume){0};
	self->failure = NULL;
	self->call = NULL;
	self->backtrace = NULL;
	self->started = self->finished = false;
	self->value = NULL;
	self->value_destroy = NULL;
	self->fn = fn;
	self->ud = ud;
	self->destroy = destroy;
	self->stack = memory;
	self->pool = pool;
	return self;
}

void stackful_begin(stackful *self) {
	self->started = true;
	coro_prepare(&self->context, self->stack, stackful_entry, self);
}

void stackful_serve_call(stackful *self) {
	self->call(self->call_arg);
	self->call = NULL;
	stackful_run(self, thread_here());
}

void stackful_free(void *arg) {
	stackful *self = arg;
	aw_destroy_fn destroy = self->destroy;
	void *ud = self->ud;
	/* Closing a loop unwinds those that have started. */
	stack *memory = self->stack;
	memory->size += STACKFUL_SIZE;
	stack_give(self->pool, memory);
	if (destroy) destroy(ud);
}

void stackful_set_name(stackful *self, const char *name) {
	self->stack->owner_name = name;
}

stackful *stackful_suspend(stackful *self) {
	switch_out(self);
	return self;
}

size_t stackful_backtrace(stackful *self, void **frames, size_t max) {
	if (!self->started || self->finished || stackful_current() == self) return 0;
	/* The first call loads the unwinder, which may need more stack than a coroutine has. */
	if (!max || backtrace(frames, 1) < 0) return 0;
	backtrace_request what = {.frames = frames, .max = max};
	self->backtrace = &what;
	coro_thread_init(
		&self->own); /* even while it calls a function: what that was called from is not resumed */
	coro_switch(&self->own, &self->context);
	self->backtrace = NULL;
	return what.count;
}

const void *stackful_function(const stackful *self) {
	return (const void *)(uintptr_t)self->fn;
}

/* --- forks --- */

/*
 * In a forked child, the coroutine that has forked must not return to the parent's loop until it ends. So that the
 * switch needs no check, the child changes what it switches to: a flow on a new stack, which answers each await with
 * AW_EFORKED.
 */
typedef struct forked_flow {
	stack stack;
	stackful *body;
	coro_context thread; /* what the coroutine has switched to before */
	coro_context ended;
} forked_flow;

static void drop_answer(aw_resume *resume) {
	if (resume->answer == RESUME_AWAIT)
		object_unref(resume->awaited);
	else if (resume->answer == RESUME_DELEGATE)
		object_unref(resume->delegated);
}

static void forked_entry(void *arg) {
	forked_flow *self = arg;
	stackful *body = self->body;
	aw_resume *resume = &body->resume;
	thread *here = thread_here();
	for (;;) {
		here->flow = NULL;
		if (resume->answer == RESUME_CALL) {
			body->call(body->call_arg);
			body->call = NULL;
		} else if (resume->answer == RESUME_NONE) {
			break;
		} else {
			drop_answer(resume);
			resume->status = AW_EFORKED;
			resume->error = error_of(AW_EFORKED);
			resume->value = NULL;
			resume->value_destroy = NULL;
		}
		here->flow = &body->flow;
		coro_switch(&body->own, &body->context);
	}
	/* The function has returned: the child leaves the loop, which refuses to continue. */
	body->own = self->thread;
	coro_switch_final(&self->ended, &body->own);
}

/* Runs in the child. Allocates nothing that the fork may have caught in use, and leaves the stack mapped. */
static void forked(void) {
	enum { SIZE = 1024 * 1024 };
	stackful *body = stackful_current();
	if (!body) return;
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (memory == MAP_FAILED) return;
	size_t guard = (size_t)sysconf(_SC_PAGESIZE), top = (sizeof(forked_flow) + 63) / 64 * 64;
	(void)mprotect(memory, guard, PROT_NONE);
	forked_flow *self = (forked_flow *)(void *)(memory + SIZE - top);
	self->stack.base = memory + guard;
	self->stack.size = SIZE - top - guard;
	self->body = body;
	self->thread = body->own;
	coro_prepare(&body->own, &self->stack, forked_entry, self);
}

static void watch_forks(void) {
	(void)pthread_atfork(NULL, NULL, forked);
}

void stackful_watch_forks(void) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, watch_forks);
}
