#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the example of docs/writing-a-backend.md the way somebody outside would, and holds it to what every backend is held to.
# usage: check-backend.sh SOURCE CONTRACT LIFETIME CONFORMANCE    (PKG_CONFIG_PATH names a folder with libawait-backend.pc)
set -eu
source=$1 contract=$2 lifetime=$3 conformance=$4

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0

check() {
	what=$1
	shift
	if "$@" >"$folder/log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		cat "$folder/log"
		echo "FAILED: $what"
	fi
}

# shellcheck disable=SC2046 # several flags
check "it builds with pkg-config alone" "${CC:-cc}" -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -shared -fPIC -fvisibility=hidden \
	"$source" -o "$folder/libawait-backend-poll.so" $(pkg-config --cflags libawait-backend)
[ -n "$(pkg-config --variable=pluginsdir libawait-backend)" ] && passed=$((passed + 1)) || failed=$((failed + 1))

AWAIT_BACKEND_PATH=$folder
export AWAIT_BACKEND_PATH
check "the contract" "$contract" poll
check "ends and beginnings" "$lifetime" poll
check "every case of the conformance suite" "$conformance" --backend "$folder/libawait-backend-poll.so"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
