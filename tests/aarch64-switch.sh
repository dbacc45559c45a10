#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the context switch for AArch64 and runs its tests under qemu: by hand, and with ucontext. Needs gcc-aarch64-linux-gnu
# and qemu-user; 77 (skipped) without. Usage: tests/aarch64-switch.sh [build folder]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cc=${CC_AARCH64:-aarch64-linux-gnu-gcc}
emulator=
for candidate in qemu-aarch64-static qemu-aarch64; do
	if command -v "$candidate" >/dev/null; then emulator=$candidate && break; fi
done
if ! command -v "$cc" >/dev/null || [ -z "$emulator" ]; then
	echo "skipped: needs $cc and qemu-aarch64"
	exit 77
fi
if [ $# -gt 0 ]; then
	out=$1
	mkdir -p "$out"
else
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
fi

flags="-std=gnu17 -O2 -g -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wvla -Wnull-dereference -fno-common
-Werror -mbranch-protection=bti -fstack-protector-strong -DPLAIN_CHECK"
core=$root/core
for variant in by-hand ucontext; do
	define=
	if [ $variant = ucontext ]; then define=-DAW_CORO_UCONTEXT; fi
	for test in switch stack; do
		echo "aarch64 $variant $test"
		# shellcheck disable=SC2086 # flags are words
		"$cc" $flags $define -static -I"$core/base" -I"$core/stack" -I"$root/tests" -o "$out/$test-$variant" "$root/tests/stack/$test.c" \
			"$core/stack/switch.c" "$core/stack/switch_ucontext.c" "$core/stack/switch_aarch64.S" "$core/stack/stack.c" -lpthread
		"$emulator" "$out/$test-$variant"
	done
done
