/* SPDX-License-Identifier: MIT */
/* OpenSSL's errors as statuses. */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

aw_status tls_take_error(char words[WORDS_SIZE]) {
	unsigned long error = ERR_get_error();
	aw_status status = AW_ETLS;
	const char *text = NULL;
	if (ERR_SYSTEM_ERROR(error)) {
		status = -ERR_GET_REASON(error);
		text = aw_strerror(status);
	} else if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) {
		status = -ENOMEM;
	} else if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
		switch (ERR_GET_REASON(error)) {
		case SSL_R_CERTIFICATE_VERIFY_FAILED:
		case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: status = AW_ECERTIFICATE; break;
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
		case SSL_R_UNEXPECTED_EOF_WHILE_READING: status = AW_ETRUNCATED; break;
#endif
		default: break;
		}
	}
	if (!text && error) text = ERR_reason_error_string(error);
	snprintf(words, WORDS_SIZE, "%s", text ? text : aw_strerror(status));
	ERR_clear_error();
	return status;
}

aw_status tls_raise(aw_status status, const char *words) {
	/* Outside a stackful task there is nobody to tell. */
	if (status < 0 && aw_raise(status, words) == AW_ENOTASK) return status;
	return status;
}
