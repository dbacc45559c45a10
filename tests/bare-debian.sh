#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs a command in a clone of this tree's HEAD inside a minimal Debian: nothing is there but Debian's required packages, git and
# certificates, so neither the tools of this machine nor its environment can help a test to pass. Uncommitted changes stay outside.
#
# usage: tests/bare-debian.sh [--keep] [COMMAND…]    (the default is ./dev test; several words are joined, and read by bash)
#
# --keep leaves the root there and says where it is. Exit status: the command's; 77, with the reason, where it can't be done.
#
# The bare root and the packages that were downloaded for it stay in AWAIT_BARE_CACHE (/var/cache/libawait-bare), for 30 days. Every
# run installs into a copy of its own. Only the way to the packages is this machine's: apt's sources, as far as they are Debian's,
# proxies, certificates, and the settings of the languages' registries. The kernel and the network are the machine's, too.
set -euo pipefail

days=30
cache=$(realpath -m "${AWAIT_BARE_CACHE:-/var/cache/libawait-bare}")
bare=$cache/bare # root/: never run in, debs/: downloaded packages, key: what it was made from
place=/src/libawait

say() { printf 'bare Debian: %s\n' "$*"; }
cannot() {
	say "not here: $*" >&2
	exit 77
}

# ---- inside namespaces of our own: mounts and processes end with them ----

# The settings that say how registries are reached, and those of the tests themselves.
passed_on() {
	local names='[a-zA-Z]+_proxy|[A-Z]+_PROXY|GO(PROXY|SUMDB|NOPROXY|NOSUMDB|PRIVATE|INSECURE)|PIP_(EXTRA_)?INDEX_URL|PIP_TRUSTED_HOST'
	names+='|CARGO_(SOURCE|NET)_[A-Z_]+|CARGO_REGISTRIES_[A-Z_]+_INDEX|CARGO_HTTP_PROXY|BUNDLE_MIRROR_[A-Z_]+|CI|TERM|AWAIT_LOAD_SECONDS'
	env -0 | grep -zE "^($names)=" || true
}

# enter ROOT COMMAND: mounts what a system has, and becomes the first process of the chroot.
enter() {
	local root=$1 command=$2 node variables session=()
	mapfile -d '' -t variables < <(passed_on)
	mount -t proc proc "$root/proc"
	mount -t sysfs -o ro sysfs "$root/sys"
	# A few harmless devices instead of the machine's.
	mount -t tmpfs -o mode=755,size=1m tmpfs "$root/dev"
	for node in null zero full random urandom tty; do
		: >"$root/dev/$node"
		mount --bind "/dev/$node" "$root/dev/$node"
	done
	mkdir "$root/dev/pts" "$root/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
	mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
	ln -s pts/ptmx "$root/dev/ptmx"
	ln -s /proc/self/fd "$root/dev/fd"
	ln -s fd/0 "$root/dev/stdin"
	ln -s fd/1 "$root/dev/stdout"
	ln -s fd/2 "$root/dev/stderr"
	# A session of its own, since a signal to the process group would reach the launcher; at a terminal bash looks after that itself.
	if [ ! -t 0 ]; then session=(setsid); fi
	# No signal is ignored inside: bash ignores SIGINT for what it starts in the background, and that would be inherited.
	# The first process stays bash, which reaps the orphans. It keeps the run's lock, and hands on no descriptor but the three.
	# shellcheck disable=SC2016 # expanded inside
	exec chroot "$root" /usr/bin/env -i --default-signal HOME=/root USER=root LOGNAME=root LANG=C.UTF-8 SHELL=/bin/bash \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${variables[@]}" \
		"${session[@]}" /bin/bash -c 'cd "$1" || exit
			for fd in /proc/self/fd/*; do
				fd=${fd##*/}
				if [ "$fd" -gt 2 ] && [ "$fd" != 9 ]; then exec {fd}>&-; fi
			done
			/bin/bash -c "$2" 9>&-
			exit "$?"' init "$place" "$command"
}

if [ "${1:-}" = --enter ]; then
	shift
	enter "$@"
fi

# ---- outside ----

contained=
# contain COMMAND…: in namespaces of its own, which end when this process does, however it ends. In the background, since a trap waits
# for a child in the foreground.
contain() {
	local status=0
	setpriv --pdeathsig KILL unshare --mount --ipc --pid --kill-child "$@" <&0 &
	contained=$!
	wait "$contained" || status=$?
	contained=
	return "$status"
}

run='' keep='' making=''
# shellcheck disable=SC2317 # the trap calls it
clean() {
	local init=''
	trap '' INT TERM HUP
	if [ -n "$contained" ]; then
		# unshare's child is the first process in there; when that has been reaped, no other is left.
		read -r init _ <"/proc/$contained/task/$contained/children" || true
		kill -KILL "${init:-$contained}" || true
		wait "$contained" || true
	fi 2>/dev/null
	if [ -n "$making" ]; then rm -rf --one-file-system "$making"; fi
	[ -n "$run" ] || return 0
	keep_packages
	if [ -n "$keep" ]; then
		touch "$run/keep"
		say "kept: $run/root"
	else
		rm -rf --one-file-system "$run"
	fi
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# Runs that were killed: nobody holds their lock any more.
sweep() {
	local old
	for old in "$cache"/run.*; do
		if [ ! -d "$old" ] || [ -e "$old/keep" ]; then continue; fi
		(flock --nonblock 9 && rm -rf --one-file-system "$old") 9>>"$old/lock" || true
	done
}

# ---- the bare root ----

# Lines "URI SUITE COMPONENT": what apt says it reads, if it is Debian's and of this release. Without lists apt doesn't know the
# origin; then the signature decides. Neither backports nor anybody else's packages: both may bring newer tools.
sources() {
	local origin uri suite name component
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
		while read -r origin uri suite name component; do
			case $origin in Debian | \$*) ;; *) continue ;; esac
			case $name in \$*) name=$suite ;; esac
			case $name in "$release" | "$release-updates" | "$release-security") echo "$uri $suite $component" ;; esac
		done | sort -u
}

# How apt reaches its sources: proxies, retries, checks. Nothing that names a file or a program of this machine.
apt_settings() {
	apt-config dump | grep -E '^Acquire::(Check-(Valid-Until|Date)|Retries|ForceIPv[46]|https?::.*) ' |
		grep -viE '::(CA|Ssl|Issuer|Crl|Proxy-?Auto)[^ ]* | "";$' || true
}

make_bare() {
	local root=$1/root mirror suite proxy='' certificate
	read -r mirror suite < <(awk -v release="$release" '$3 == "main" && $2 !~ /-(updates|security)$/ { print $1, $2 }' <<<"$sources") || true
	[ -n "$mirror" ] || cannot "apt reads no Debian archive of $release (has apt-get update run?)"
	say "making the root: $release from $mirror"
	mkdir -p "$root" "$1/debs"
	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	if ! contain env "http_proxy=${http_proxy:-$proxy}" "https_proxy=${https_proxy:-$proxy}" \
		debootstrap --variant=minbase --include=ca-certificates,git "$suite" "$root" "$mirror" >"$cache/debootstrap.log" 2>&1; then
		tail -n 10 "$cache/debootstrap.log" >&2
		cannot "debootstrap failed; all it said: $cache/debootstrap.log"
	fi
	printf 'deb %s\n' "${sources//$'\n'/$'\n'deb }" >"$root/etc/apt/sources.list"
	rm -f "$root"/etc/apt/sources.list.d/*
	apt_settings >"$root/etc/apt/apt.conf.d/90machine"
	# The root is thrown away: nothing in it has to survive a loss of power.
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
	# A proxy that opens TLS needs the certificates that this machine was given for it.
	for certificate in /usr/local/share/ca-certificates/*.crt; do
		if [ -e "$certificate" ]; then cp "$certificate" "$root/usr/local/share/ca-certificates/"; fi
	done
	chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin update-ca-certificates >>"$cache/debootstrap.log" 2>&1
	rm -f "$root"/var/cache/apt/archives/*.deb "$root"/etc/hostname
	printf '%s\n' "$key" >"$1/key"
}

# Makes the bare root if there is none, or one from other sources, or an old one.
have_bare() {
	local sources key
	sources=$(sources)
	key=$({ echo "$release" && dpkg --print-architecture && echo "$sources" && apt_settings && cat "$0"; } | sha256sum)
	if [ "$(cat "$bare/key" 2>/dev/null)" = "$key" ] && [ -z "$(find "$bare/key" -mtime "+$days")" ]; then return; fi
	making=$bare.new
	rm -rf --one-file-system "$making" "$bare"
	make_bare "$making"
	mv "$making" "$bare"
	making=
}

# What this run downloaded, for the next one. A link is there wholly or not at all; two runs may do this at once.
# shellcheck disable=SC2317 # the trap calls it
keep_packages() {
	local file
	for file in "$run"/root/var/cache/apt/archives/*.deb; do
		[ -e "$bare/debs/${file##*/}" ] || ln "$file" "$bare/debs/" || true
	done 2>/dev/null
}

# ---- one run ----

# HEAD as it is committed. Neither this machine's git settings nor who owns the tree matter.
clone() {
	local git=(env GIT_CONFIG_NOSYSTEM=1 "GIT_CONFIG_GLOBAL=$run/gitconfig" git)
	"${git[@]}" config --global safe.directory '*'
	"${git[@]}" -C "$tree" rev-parse -q --verify HEAD >/dev/null || cannot "$tree is no git repository with a commit"
	[ -z "$("${git[@]}" -C "$tree" status --porcelain)" ] || say "without the changes that are not committed"
	"${git[@]}" -c advice.detachedHead=false clone -q --no-hardlinks --template= "$tree" "$run/root$place"
	"${git[@]}" -C "$run/root$place" remote remove origin
}

main() {
	local file command status=0
	if [ "${1:-}" = --keep ]; then keep=1 && shift; fi
	command=${*:-./dev test}
	tree=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
	[ -e /proc/self/fd/0 ] || exec </dev/null

	[ "$(id -u)" = 0 ] || cannot "it takes root to make a Debian and to enter it"
	for file in apt-get dpkg debootstrap unshare setpriv chroot flock git; do
		command -v "$file" >/dev/null || cannot "$file is missing (packages: debootstrap, git, util-linux, on a Debian system)"
	done
	unshare --mount --ipc --pid --kill-child true 2>/dev/null || cannot "this root may not make namespaces (in a container, perhaps)"
	release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	umask 022
	mkdir -p "$cache"

	exec 8>>"$cache/lock"
	flock --nonblock 8 || { say "waiting for another run that makes the root" && flock 8; }
	sweep
	have_bare
	run=$(mktemp -d "$cache/run.XXXXXX")
	chmod 755 "$run"
	exec 9>>"$run/lock" # held by this process and by the first one inside
	flock 9
	cp -a --reflink=auto "$bare/root" "$run/root"
	cp -l "$bare"/debs/*.deb "$run/root/var/cache/apt/archives/" 2>/dev/null || true
	exec 8>&-

	for file in resolv.conf hosts; do
		if [ -e "/etc/$file" ]; then cp -L --remove-destination "/etc/$file" "$run/root/etc/$file"; fi
	done
	clone
	say "$command"
	contain "$0" --enter "$run/root" "$command" || status=$?
	exit "$status" # here, since this file may change while it runs
}
main "$@"
