#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds libawait for AArch64 with every warning an error, and runs the first example in qemu's user mode on a built-in backend.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! {
	meson setup "$work/build" "$root" --cross-file "$root/tests/aarch64.ini" -Dwerror=true -Dtests=false -Duv=disabled \
		-Dev=disabled -During=disabled -Dtls=disabled -Dcares=disabled -Dbindings=false && ninja -C "$work/build"
} >"$work/log" 2>&1; then
	tail -n 40 "$work/log"
	echo "0 passed, 1 failed"
	exit 1
fi
echo "  it_builds: passed"

unset AWAIT_BACKEND AWAIT_BACKEND_PATH AWAIT_DEBUG
if timeout 60 qemu-aarch64 -L /usr/aarch64-linux-gnu "$work/build/examples/subprocess_timeout" >"$work/out" 2>&1 &&
	diff -u "$root/conformance/cases/documents/s000_01_subprocess_timeout.expected" "$work/out"; then
	echo "  the_first_example_runs: passed"
else
	cat "$work/out"
	echo "  the_first_example_runs: FAILED"
	echo "1 passed, 1 failed"
	exit 1
fi
if "$root/tests/branch_protection.py" "$work/build/core/libawait.a" "$work/build/core/libawait.so"; then
	echo "  each_object_claims_bti: passed"
	echo "3 passed, 0 failed"
else
	echo "  each_object_claims_bti: FAILED"
	echo "2 passed, 1 failed"
	exit 1
fi
