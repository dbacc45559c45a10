#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs into an empty prefix with `./dev install`, removes the build, and uses what is left as a stranger
# would: through pkg-config. The first example is compiled once and runs on each backend, prints what CPython
# prints, takes about two seconds, and leaves no child behind; also when the prefix is moved. The manual pages
# are there. What `./dev uninstall` leaves is what others put there.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
expected=$root/conformance/cases/documents/s000_01_subprocess_timeout.expected
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

# A copy, so that neither the build nor the record of what is installed is this folder's.
mkdir "$work/source"
tar -C "$root" --exclude=./.git --exclude='./build*' --exclude=./.installed --exclude=./bindings -cf - . | tar -C "$work/source" -xf -
unset AWAIT_BACKEND AWAIT_BACKEND_PATH AWAIT_DEBUG DESTDIR
if ! "$work/source/dev" install --prefix="$prefix" --libdir=lib >"$work/log" 2>&1; then
	tail -n 40 "$work/log"
	echo "0 passed, 1 failed"
	exit 1
fi

# With a dpkg that knows nothing installed, and an apt-get that only writes down what it is asked for.
it_asks_debian_for_what_the_library_needs_alone() {
	mkdir "$work/bin"
	printf '#!/bin/sh\nexit 1\n' >"$work/bin/dpkg-query"
	printf '#!/bin/sh\necho "$@" >>"%s"\n' "$work/asked" >"$work/bin/apt-get"
	printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/sudo"
	chmod +x "$work/bin/"*
	PATH=$work/bin:$PATH "$work/source/dev" install --prefix="$prefix" --libdir=lib >"$work/log" 2>&1 || { cat "$work/log" && return 1; }
	local package wrong=0
	while read -r package; do
		case $package in
		gcc | libc6-dev | meson | ninja-build | pkgconf | python3 | libuv1-dev | libev-dev | liburing-dev | libssl-dev | libc-ares-dev) ;;
		*) echo "    asked for $package" && wrong=1 ;;
		esac
	done < <(sed -n 's/^install //p' "$work/asked" | tr ' ' '\n' | grep -v '^-')
	grep -q ' liburing-dev' "$work/asked" || { echo "    asked for nothing" && wrong=1; }
	return "$wrong"
}
check it_asks_debian_for_what_the_library_needs_alone it_asks_debian_for_what_the_library_needs_alone
rm -rf "$work/source/build" "$work/source"/build-*/

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
cc=${CC:-cc}
read -ra flags <<<"$(pkg-config --cflags --libs libawait)"

files_are_where_they_belong() {
	local file missing=0
	for file in lib/libawait.so lib/libawait.so.0 lib/libawait.a lib/pkgconfig/libawait.pc lib/pkgconfig/libawait-backend.pc \
		lib/libawait-tls.so.0 lib/libawait-tls.a lib/pkgconfig/libawait-tls.pc include/await/tls.h \
		include/await/await.h include/await/backend.h bin/libawait-info bin/libawait-conformance share/man/man3/aw_gather.3 \
		share/man/man1/libawait-info.1 share/man/man7/libawait.7; do
		[ -e "$prefix/$file" ] || { echo "    missing: $file" && missing=1; }
	done
	# Nothing installed remembers where it was built.
	! grep -rl "$work/source" "$prefix" || missing=1
	return "$missing"
}
check files_are_where_they_belong files_are_where_they_belong

each_function_has_a_manual_page() {
	local name missing=0 pages=0
	while read -r name; do
		[ -s "$prefix/share/man/man3/$name.3" ] || { echo "    no page: $name" && missing=1; }
		pages=$((pages + 1))
	done < <(nm -D --defined-only "$prefix/lib/libawait.so" | sed -n 's/.* T \(aw_[a-z0-9_]*\).*/\1/p')
	[ "$pages" -gt 300 ] || { echo "    only $pages functions" && missing=1; }
	return "$missing"
}
check each_function_has_a_manual_page each_function_has_a_manual_page

# By the name of the function, as a reader asks for it; and apropos knows what it is for.
man_opens_the_page_of_gather() {
	local wrong=0
	MANPATH=$prefix/share/man man --warnings aw_gather >"$work/page" 2>"$work/err" || wrong=1
	[ ! -s "$work/err" ] || { cat "$work/err" && wrong=1; }
	! grep -q 'aw_status aw_shield' "$work/page" || wrong=1
	grep -q 'aw_gather - .*done' "$work/page" || { head -n 20 "$work/page" && wrong=1; }
	mandb --quiet --user-db --create "$prefix/share/man" >/dev/null 2>&1 || wrong=1
	MANPATH=$prefix/share/man whatis aw_gather 2>&1 | grep -q '^aw_gather (3) *- ' || { echo "    whatis does not know it" && wrong=1; }
	find "$prefix/share/man" \( -name 'cat*' -o -name 'index.db' -o -name CACHEDIR.TAG \) -prune -exec rm -rf {} +
	return "$wrong"
}
if command -v man mandb >/dev/null; then
	check man_opens_the_page_of_gather man_opens_the_page_of_gather
else
	echo "    skipped: no man here"
	skipped=$((skipped + 1))
fi

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

# The whole prefix elsewhere: the plug-ins are found beside the library.
it_runs_where_it_was_moved_to() {
	local backend wrong=0
	mv "$prefix" "$work/moved"
	for backend in uring uv ev; do
		[ -e "$work/moved/lib/await/backends/libawait-backend-$backend.so" ] || continue
		LD_LIBRARY_PATH=$work/moved/lib "$work/moved/bin/libawait-info" >"$work/info" 2>&1 || wrong=1
		grep -qx " *$work/moved/lib/await/backends/libawait-backend-$backend.so" "$work/info" || { cat "$work/info" && wrong=1; }
	done
	# Also by a relative path, which is none any more once the program is elsewhere, and through a symbolic link.
	(cd "$work" && LD_LIBRARY_PATH=moved/lib AWAIT_BACKEND=uv moved/bin/libawait-info) >"$work/info" || { cat "$work/info" && wrong=1; }
	mkdir "$work/links" && ln -s "$work/moved/lib/libawait.so.0" "$work/links/"
	LD_LIBRARY_PATH=$work/links AWAIT_BACKEND=uv "$work/moved/bin/libawait-info" >"$work/info" || { cat "$work/info" && wrong=1; }
	mv "$work/moved" "$prefix"
	return "$wrong"
}
check it_runs_where_it_was_moved_to it_runs_where_it_was_moved_to

# Statically: libawait.a, and no libawait.so to be found.
read -ra flags <<<"$(pkg-config --static --cflags --libs libawait | sed 's/-lawait/-Wl,-Bstatic -lawait -Wl,-Bdynamic/')"
"$cc" -o "$work/static" "$root/examples/subprocess_timeout.c" "${flags[@]}"
LD_LIBRARY_PATH='' check the_first_example_runs_when_linked_statically the_example_runs "$work/static"

# By find_package, from the prefix and from where it was moved to: the library, libawait.a, and a plug-in.
cmake_finds_it() {
	local place wrong=0
	mkdir "$work/cmake"
	cat >"$work/cmake/CMakeLists.txt" <<-'EOF'
		cmake_minimum_required(VERSION 3.13)
		project(user C)
		find_package(libawait 0.1 REQUIRED)
		find_package(libawait 0.2 QUIET)
		if(libawait_FOUND)
		  message(FATAL_ERROR "a version that is not there was found")
		endif()
		find_package(libawait 0.1 REQUIRED)
		add_executable(shared ${EXAMPLE})
		target_link_libraries(shared libawait::libawait)
		add_executable(static ${EXAMPLE})
		target_link_libraries(static libawait::static)
		add_library(plugin MODULE ${PLUGIN})
		target_link_libraries(plugin libawait::backend)
		message(STATUS "plugins: ${libawait_PLUGINS_DIR} ${libawait_BACKEND_ABI}")
	EOF
	for place in prefix moved; do
		[ "$place" = prefix ] || mv "$prefix" "$work/moved"
		if ! { cmake -S "$work/cmake" -B "$work/cmake/$place" -DCMAKE_PREFIX_PATH="$work/$place" \
			-DEXAMPLE="$root/examples/subprocess_timeout.c" -DPLUGIN="$root/examples/backend-poll/poll.c" >"$work/log" 2>&1 &&
			cmake --build "$work/cmake/$place" >>"$work/log" 2>&1; }; then
			cat "$work/log"
			wrong=1
		fi
		grep -q "plugins: $work/$place/lib/await/backends [0-9]" "$work/log" || wrong=1
		ldd "$work/cmake/$place/shared" | grep -q "$work/$place/lib/libawait.so.0" || wrong=1
		! readelf -d "$work/cmake/$place/static" | grep -q 'NEEDED.*libawait' || wrong=1
		LD_LIBRARY_PATH='' the_example_runs "$work/cmake/$place/shared" || wrong=1
		LD_LIBRARY_PATH='' the_example_runs "$work/cmake/$place/static" || wrong=1
		[ "$place" = prefix ] || mv "$work/moved" "$prefix"
	done
	return "$wrong"
}
if command -v cmake >/dev/null; then
	check cmake_finds_it cmake_finds_it
else
	echo "    skipped: no cmake here"
	skipped=$((skipped + 1))
fi

uninstall_removes_what_was_installed_and_nothing_else() {
	local wrong=0
	echo mine >"$prefix/lib/await/backends/mine"
	"$work/source/dev" uninstall >"$work/log" 2>&1 || { cat "$work/log" && wrong=1; }
	[ "$(find "$prefix" ! -type d)" = "$prefix/lib/await/backends/mine" ] || { find "$prefix" ! -type d && wrong=1; }
	[ "$(find "$prefix" -type d | wc -l)" = 4 ] || { find "$prefix" -type d && wrong=1; }
	"$work/source/dev" uninstall 2>&1 | grep -q 'nothing was installed' || wrong=1
	return "$wrong"
}
check uninstall_removes_what_was_installed_and_nothing_else uninstall_removes_what_was_installed_and_nothing_else

printf '%d passed, %d failed' "$passed" "$failed"
if [ "$skipped" != 0 ]; then printf ', %d skipped' "$skipped"; fi
printf '\n'
[ "$failed" = 0 ] && { [ "$skipped" = 0 ] || [ "${CI:-}" != true ]; }
