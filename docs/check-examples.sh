#!/bin/sh
# SPDX-License-Identifier: MIT
# Each example compiles as a reader would do it: with the flags that pkg-config gives and no others, where the
# build has many. Every warning is an error.
# usage: check-examples.sh FOLDER (PKG_CONFIG_PATH names a folder with libawait.pc)
set -eu
passed=0 failed=0
for source in "$1"/*.c "$1"/*/*.c; do
	# shellcheck disable=SC2046 # several flags
	if "${CC:-cc}" -Wall -Wextra -Werror -fsyntax-only "$source" $(pkg-config --cflags libawait); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $source"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
