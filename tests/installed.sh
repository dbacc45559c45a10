#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs into an empty prefix, removes the build, and uses what is left as a stranger would: through pkg-config. The first example is
# compiled once and runs on each backend, prints what CPython prints, takes about two seconds, and leaves no child behind.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
expected=$root/conformance/cases/s000_01_subprocess_timeout.expected
passed=0 failed=0 skipped=0

# check CASE COMMAND…
check() {
	local name=$1
	shift
	if "$@"; then
		passed=$((passed + 1)) && printf '  %s: passed\n' "$name"
	else
		failed=$((failed + 1)) && printf '  %s: FAILED\n' "$name"
	fi
}

if ! {
	meson setup "$work/build" "$root" --prefix="$prefix" --libdir=lib -Dbuildtype=release -Dtests=false -Dbindings=false &&
		meson install -C "$work/build"
} >"$work/log" 2>&1; then
	tail -n 40 "$work/log"
	echo "0 passed, 1 failed"
	exit 1
fi
rm -rf "$work/build"

unset AWAIT_BACKEND AWAIT_BACKEND_PATH AWAIT_DEBUG
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
cc=${CC:-cc}
read -ra flags <<<"$(pkg-config --cflags --libs libawait)"

files_are_where_they_belong() {
	local file missing=0
	for file in lib/libawait.so lib/libawait.so.0 lib/libawait.a lib/pkgconfig/libawait.pc lib/pkgconfig/libawait-backend.pc \
		include/await/await.h include/await/backend.h bin/libawait-info; do
		[ -e "$prefix/$file" ] || { echo "    missing: $file" && missing=1; }
	done
	# Nothing installed remembers where it was built.
	! grep -rlI "$work/build" "$prefix" || missing=1
	return "$missing"
}
check files_are_where_they_belong files_are_where_they_belong

backend_pc_tells_authors_what_they_need() {
	local number
	number=$(sed -n 's/^#define AW_BACKEND_ABI //p' "$prefix/include/await/backend.h")
	[ "$(pkg-config --variable=backend_abi libawait-backend)" = "$number" ] &&
		[ "$(pkg-config --variable=pluginsdir libawait-backend)" = "$prefix/lib/await/backends" ]
}
check backend_pc_tells_authors_what_they_need backend_pc_tells_authors_what_they_need

"$cc" -o "$work/example" "$root/examples/subprocess_timeout.c" "${flags[@]}"

# No process with our mark in its environment is left, whoever its parent is by now.
no_child_is_left() {
	local pid found=0
	for pid in /proc/[0-9]*; do
		if tr '\0' '\n' 2>/dev/null <"$pid/environ" | grep -qx "INSTALLED_MARK=$1"; then
			echo "    left: $(tr '\0' ' ' <"$pid/cmdline")"
			kill -KILL "${pid#/proc/}"
			found=1
		fi
	done 2>/dev/null
	return "$found"
}

# the_example_runs COMMAND…, with AWAIT_BACKEND set
the_example_runs() {
	local start=${EPOCHREALTIME/./} mark=$$.$RANDOM.$RANDOM took wrong=0
	INSTALLED_MARK=$mark "$@" >"$work/out" 2>"$work/err" || { echo "    exit status $?" && wrong=1; }
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
	diff -u "$expected" "$work/out" || wrong=1
	[ ! -s "$work/err" ] || { cat "$work/err" && wrong=1; }
	# The limit of "sleep 500" is two seconds. More than that is a busy machine, unless something waited for all of it.
	((took >= 1900 && took < 400000)) || { echo "    took $took ms" && wrong=1; }
	no_child_is_left "$mark" || wrong=1
	return "$wrong"
}

"$prefix/bin/libawait-info" >"$work/info" || true
for backend in epoll uring uv ev; do
	if [ "$backend" != epoll ] && [ ! -e "$prefix/lib/await/backends/libawait-backend-$backend.so" ]; then
		echo "    skipped: $backend was not built"
		skipped=$((skipped + 1))
		continue
	fi
	AWAIT_BACKEND=$backend check "the_first_example_runs_on_$backend" the_example_runs "$work/example"
	named_backend_ran() { AWAIT_BACKEND=$backend "$work/example" -v | grep -qx "backend: $backend"; }
	check "it_was_$backend" named_backend_ran
done

# Statically: libawait.a, and no libawait.so to be found.
read -ra flags <<<"$(pkg-config --static --cflags --libs libawait | sed 's/-lawait/-Wl,-Bstatic -lawait -Wl,-Bdynamic/')"
"$cc" -o "$work/static" "$root/examples/subprocess_timeout.c" "${flags[@]}"
LD_LIBRARY_PATH='' check the_first_example_runs_when_linked_statically the_example_runs "$work/static"

printf '%d passed, %d failed' "$passed" "$failed"
if [ "$skipped" != 0 ]; then printf ', %d skipped' "$skipped"; fi
printf '\n'
[ "$failed" = 0 ] && { [ "$skipped" = 0 ] || [ "${CI:-}" != true ]; }
