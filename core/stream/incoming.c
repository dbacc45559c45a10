/* SPDX-License-Identifier: MIT */
/* The bytes that the backend has received for a socket by itself. */
#include "incoming.h"

#include "system_calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static aw_status notice_run(ready_item *item) {
	notice *self = container_of(item, notice, item);
	self->is_due = false;
	self->run(self);
	return 0;
}

void incoming_init(incoming *self, void (*run)(notice *self)) {
	*self = (incoming){.notice = {.item.run = notice_run, .run = run}};
}

void incoming_append(incoming *self, aw_buffer *buffer) {
	buffer->link = NULL;
	if (self->last)
		self->last->link = buffer;
	else
		self->first = buffer;
	self->last = buffer;
	self->size += buffer->length;
}

void incoming_end(incoming *self, aw_status status) {
	self->has_ended = true;
	self->status = status;
}

aw_buffer *incoming_take(incoming *self) {
	aw_buffer *only = self->first;
	if (self->kept || !only || only->link || self->start) return NULL;
	self->first = self->last = NULL;
	self->size = 0;
	return only;
}

/* The bytes that come next, as far as they are in one piece; 0: none. */
static size_t next_piece(const incoming *self, const unsigned char **out) {
	if (self->kept) {
		*out = self->kept + self->kept_start;
		return self->kept_end - self->kept_start;
	}
	if (!self->first) return 0;
	*out = self->first->data + self->start;
	return self->first->length - self->start;
}

static void first_drop(incoming *self, aw_loop *loop) {
	aw_buffer *first = self->first;
	self->first = first->link;
	if (!self->first) self->last = NULL;
	self->start = 0;
	self->size -= first->length;
	loop_give_back(loop, first);
}

static void take(incoming *self, aw_loop *loop, size_t count) {
	if (!self->kept) {
		self->start += count;
		if (self->start == self->first->length) first_drop(self, loop);
		return;
	}
	self->kept_start += count;
	if (self->kept_start < self->kept_end) return;
	free(self->kept);
	self->kept = NULL;
	self->kept_start = self->kept_end = 0;
}

aw_status incoming_read(incoming *self, aw_loop *loop, void *buffer, size_t length) {
	size_t done = 0, size;
	const unsigned char *data;
	while (done < length && (size = next_piece(self, &data))) {
		if (size > length - done) size = length - done;
		memcpy((unsigned char *)buffer + done, data, size);
		take(self, loop, size);
		done += size;
	}
	if (done || !length) return (aw_status)done;
	return self->has_ended ? self->status : -EAGAIN;
}

aw_status incoming_write(incoming *self, aw_loop *loop, int pipe_fd, size_t length) {
	const unsigned char *data;
	size_t size = next_piece(self, &data);
	if (!size) return self->has_ended ? self->status : -EAGAIN;
	aw_status count;
	do {
		count = count_or_errno(write(pipe_fd, data, size < length ? size : length));
	} while (count == -EINTR);
	if (count > 0) take(self, loop, (size_t)count);
	return count;
}

void incoming_keep(incoming *self, aw_loop *loop) {
	size_t size = self->kept_end, total = size;
	for (const aw_buffer *at = self->first; at; at = at->link) total += at->length;
	if (!self->first) return;
	unsigned char *memory = realloc(self->kept, total);
	if (!memory) return;
	self->kept = memory;
	while (self->first) {
		size_t length = self->first->length - self->start;
		memcpy(memory + self->kept_end, self->first->data + self->start, length);
		self->kept_end += length;
		first_drop(self, loop);
	}
}

void incoming_notify(incoming *self, aw_loop *loop) {
	if (self->notice.is_due) return;
	self->notice.is_due = true;
	loop_push(loop, &self->notice.item);
}

void incoming_clear(incoming *self, aw_loop *loop) {
	/* A loop that is closing has lost its buffers. */
	if (loop_closing(loop)) self->first = self->last = NULL;
	while (self->first) first_drop(self, loop);
	free(self->kept);
	self->kept = NULL;
	self->kept_start = self->kept_end = self->start = self->size = 0;
}
