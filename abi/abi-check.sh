#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Compares a built library with the recorded ABI, as a user sees it: the functions (libawait.abi), and every public enum and struct,
# also those that no function mentions (types.abi).
# usage: abi-check.sh [--record] LIBRARY     (a build without optimisation: equal functions that were folded are seen as one)
# Exit status: 0 the same; 1 changed, or not recorded; 2 can't tell.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
recording=
if [ "${1:-}" = --record ]; then
	recording=1
	shift
fi
library=${1:?library}

# The record is of one architecture; sizes and alignments of others follow from fixed-width types alone.
if [ "$(uname -m)" != x86_64 ]; then
	echo "the ABI is recorded on x86_64; nothing to compare on $(uname -m)"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# write FILE LIBRARY OPTION…
write() {
	local out=$1 of=$2
	shift 2
	abidw --exported-interfaces-only --drop-undefined-syms --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed "$@" \
		--out-file "$out" "$of"
}

# A library of functions that mention every enum and struct of the headers.
types_library() {
	{
		printf '#include <await/%s>\n' await.h backend.h
		sed -nE 's/^enum (aw_[a-z0-9_]+) .*/void of_\1(enum \1 *p);\nvoid of_\1(enum \1 *p) { (void)p; }/p
			s/^typedef struct (aw_[a-z0-9_]+) \{.*/void of_\1(struct \1 *p);\nvoid of_\1(struct \1 *p) { (void)p; }/p' "$here"/await/*.h
	} >"$work/types.c"
	(cd "$work" && "${CC:-cc}" -g -O0 -shared -fPIC "-I$here" -o types.so types.c)
}

types_library
write "$work/libawait.abi" "$library" --headers-dir "$here/await" --drop-private-types
write "$work/types.abi" "$work/types.so"

if [ "$recording" ]; then
	cp "$work/libawait.abi" "$work/types.abi" "$here/"
	echo "recorded: abi/libawait.abi abi/types.abi"
	exit 0
fi

worst=0
for part in libawait types; do
	if [ ! -e "$here/$part.abi" ]; then
		echo "abi/$part.abi is missing: ./dev abi --record" >&2
		exit 1
	fi
	status=0
	abidiff --no-show-locs "$here/$part.abi" "$work/$part.abi" || status=$?
	worst=$((worst | status))
done
if ((worst & 3)); then
	echo "abidiff could not compare (status $worst)" >&2
	exit 2
elif ((worst & 8)); then
	echo "the ABI is broken: undo it, or announce it (CHANGELOG.md, soversion) and ./dev abi --record" >&2
	exit 1
elif ((worst & 4)); then
	echo "the ABI has changed: if that is meant, ./dev abi --record, and commit the record with the change" >&2
	exit 1
fi
echo "the ABI is as recorded"
