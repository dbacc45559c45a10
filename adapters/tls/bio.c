/* SPDX-License-Identifier: MIT */
/*
 * The BIO between OpenSSL and the lower stream: reads are copied straight out of that stream's buffer. OpenSSL
 * writes a record at a time; those of one call are gathered, so that one system call sends several.
 */
#include "tls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <string.h>

/* Pieces from this size on are offered to the kernel at once; smaller ones are sent together. */
enum { DIRECT_SIZE = 4 * 1024 };

/*
 * Two full records with what encryption adds to each. More saves few system calls, needs more of the caches, and
 * where bbr paces what is sent, it waits for a timer between segments of 64 KiB.
 */
enum { GATHER_ROOM = 2 * (16 * 1024 + 320) };

/* Some processors copy slowly from just behind the start of a page, where malloc(3) would put it. */
enum { GATHER_ALIGNMENT = 64 };

static int layer_read(BIO *bio, char *buffer, int length) {
	connection *self = BIO_get_data(bio);
	const char *data = NULL;
	BIO_clear_retry_flags(bio);
	aw_status count = aw_stream_view(self->lower, &data);
	if (count > length) count = length;
	if (count > 0) {
		memcpy(buffer, data, (size_t)count);
		aw_status status = aw_stream_consume(self->lower, (size_t)count);
		if (status == 0) return count;
		count = status;
	}
	if (count < 0) {
		self->bio_failure = count;
		return -1;
	}
	if (self->lower_failure < 0) {
		self->bio_failure = self->lower_failure;
		return -1;
	}
	if (self->has_ended || self->is_lost) return 0;
	BIO_set_retry_read(bio);
	return -1;
}

/* Sends what the kernel takes, and queues the rest. */
static aw_status pass_on(connection *self, const void *data, size_t size) {
	const char *bytes = data;
	size_t done = 0;
	aw_status status = 0;
	if (size >= DIRECT_SIZE) {
		status = aw_stream_try_write(self->lower, bytes, size);
		if (status > 0) done = (size_t)status;
		if (status == -EAGAIN) status = 0;
	}
	if (status >= 0 && done < size) status = aw_stream_write(self->lower, bytes + done, size - done);
	if (status >= 0) return 0;
	return self->bio_failure = status;
}

static int layer_write(BIO *bio, const char *data, int length) {
	connection *self = BIO_get_data(bio);
	size_t size = length > 0 ? (size_t)length : 0;
	BIO_clear_retry_flags(bio);
	if (self->gather) {
		if (size > GATHER_ROOM - self->gathered && bio_send(self) < 0) return -1;
		if (size <= GATHER_ROOM) {
			memcpy(self->gather + self->gathered, data, size);
			self->gathered += size;
			return length;
		}
	}
	return pass_on(self, data, size) < 0 ? -1 : length;
}

void bio_gather(connection *self) {
	self->gather = atomic_exchange(&self->context->gather, NULL);
	void *made;
	if (!self->gather && posix_memalign(&made, GATHER_ALIGNMENT, GATHER_ROOM) == 0) self->gather = made;
}

aw_status bio_send(connection *self) {
	size_t size = self->gathered;
	self->gathered = 0;
	return size ? pass_on(self, self->gather, size) : 0;
}

aw_status bio_send_last(connection *self) {
	if (!self->gather) return 0;
	aw_status status = bio_send(self);
	free(atomic_exchange(&self->context->gather, self->gather));
	self->gather = NULL;
	return status;
}

static long layer_control(BIO *bio, int command, long number, void *pointer) {
	const connection *self = BIO_get_data(bio);
	const char *data = NULL;
	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_FLUSH) return 1;
	if (command == BIO_CTRL_EOF)
		return (self->has_ended || self->is_lost) && aw_stream_view(self->lower, &data) <= 0;
	return 0;
}

static BIO_METHOD *methods;
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void make_methods(void) {
	BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "aw_stream");
	if (!made) return;
	BIO_meth_set_read(made, layer_read);
	BIO_meth_set_write(made, layer_write);
	BIO_meth_set_ctrl(made, layer_control);
	methods = made;
}

aw_status bio_attach(connection *self) {
	if (!CRYPTO_THREAD_run_once(&once, make_methods) || !methods) return -ENOMEM;
	BIO *bio = BIO_new(methods);
	if (!bio) return -ENOMEM;
	BIO_set_data(bio, self);
	BIO_set_init(bio, 1);
	SSL_set_bio(self->ssl, bio, bio);
	return 0;
}
