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

# The command is the page's own, with every warning an error.
page=$(dirname "$0")/writing-a-backend.md
command=$(sed -n 's/^    cc \(-shared .*poll\.c\)$/\1/p' "$page")
cp "$source" "$folder/poll.c"
builds_as_documented() { (cd "$folder" && eval "${CC:-cc} -Wall -Wextra -Werror $command"); }
check "it builds as the page says" builds_as_documented
[ -n "$(pkg-config --variable=pluginsdir libawait-backend)" ] && passed=$((passed + 1)) || failed=$((failed + 1))

AWAIT_BACKEND_PATH=$folder
export AWAIT_BACKEND_PATH
check "the contract" "$contract" poll
check "ends and beginnings" "$lifetime" poll
check "every case of the conformance suite" "$conformance" --backend "$folder/libawait-backend-poll.so"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
