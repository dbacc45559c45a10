#!/bin/sh
# SPDX-License-Identifier: MIT
# Each example compiles as a reader would do it: with the flags that pkg-config gives and no others, where the
# build has many. Every warning is an error.
# usage: check-examples.sh FOLDER (PKG_CONFIG_PATH names a folder with libawait.pc)
set -eu
passed=0 failed=0
# An example that includes the header of another library needs that one as well.
flags() {
	if grep -q '<await/tls.h>' "$1"; then pkg-config --cflags libawait-tls; else pkg-config --cflags libawait; fi
}
for source in "$1"/*.c "$1"/*/*.c; do
	# shellcheck disable=SC2046 # several flags
	if "${CC:-cc}" -Wall -Wextra -Werror -fsyntax-only "$source" $(flags "$source"); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $source"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
