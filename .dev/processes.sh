# shellcheck shell=bash
# Programs started for the length of one command: each in a session of its own (so that Ctrl-C reaches the command first), known by
# its process id, stopped when this script ends, and stopped by the kernel if the script itself is killed. Nothing else is ever stopped.

background_pids=()
scratch=

# A private folder for this invocation, removed at its end. Short on purpose: sockets live in it. Others may pass through, not look.
make_scratch() {
    [ -z "$scratch" ] || return 0
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/collabtrack.XXXXXX")
    chmod 711 "$scratch"
    trap stop_background EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# start SIGNAL LOG COMMAND…: runs it in the background; SIGNAL is what stops it gently. Its process id is in $started.
start() {
    local signal=$1 log=$2
    shift 2
    make_scratch
    if have setpriv && have setsid; then
        setsid setpriv --pdeathsig "$signal" "$@" </dev/null >>"$log" 2>&1 &
    else
        "$@" </dev/null >>"$log" 2>&1 &
    fi
    started=$!
    background_pids=("$signal:$started" ${background_pids[@]+"${background_pids[@]}"})
}

# stop SIGNAL PID: waits up to ten seconds for the end it asked for, then insists.
stop() {
    local tries=0
    kill -s "$1" "$2" 2>/dev/null || return 0
    while kill -0 "$2" 2>/dev/null && [ "$tries" -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -s KILL "$2" 2>/dev/null || true
}

# Last started, first stopped.
stop_background() {
    local entry
    trap '' INT TERM HUP
    for entry in ${background_pids[@]+"${background_pids[@]}"}; do stop "${entry%%:*}" "${entry#*:}"; done
    background_pids=()
    [ -z "$scratch" ] || rm -rf "$scratch"
}

# wait_until SECONDS PID COMMAND…: true as soon as COMMAND succeeds; false when the time is over or the process has ended.
wait_until() {
    local tries=$(($1 * 20)) pid=$2
    shift 2
    while ! "$@" >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || return 1
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.05
    done
}

# A loopback port nobody listens on, below the range the system hands out by itself.
free_port() {
    local port
    while :; do
        port=$((20000 + (RANDOM << 15 | RANDOM) % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    printf '%s' "$port"
}
