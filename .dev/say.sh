# shellcheck shell=bash
# Messages, and the few facts about this machine that every part asks for. Starts nothing, installs nothing.

say() { printf '%s\n' "$*" >&2; }
step() { printf '\n== %s\n' "$*" >&2; }

# fail WHAT HAPPENED [WHAT TO DO]…: one line each, then out.
fail() {
    printf './dev: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }
is_ci() { [ "${CI:-}" = true ] || [ "${CI:-}" = 1 ]; }

# linux_like debian|ubuntu…: ID or one of ID_LIKE of the running system.
linux_like() {
    [ -r /etc/os-release ] || return 1
    (
        # shellcheck disable=SC1091
        . /etc/os-release
        case " ${ID:-} ${ID_LIKE:-} " in *" $1 "*) exit 0 ;; *) exit 1 ;; esac
    )
}

# random_hex BYTES
random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# fingerprint: one checksum for the contents and names of the files listed, NUL-separated, on stdin.
fingerprint() { sort -z | xargs -0 cksum | cksum | tr ' ' '-'; }

milliseconds() {
    local now=${EPOCHREALTIME:-}
    now=${now/[.,]/}
    if [ -n "$now" ]; then printf '%s' "${now%???}"; else printf '%s000' "$(date +%s)"; fi
}

# seconds_since MILLISECONDS: with one decimal.
seconds_since() {
    local tenths=$((($(milliseconds) - $1) / 100))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}
