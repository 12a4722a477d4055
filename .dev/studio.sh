# shellcheck shell=bash
# The commands that run CollabTrack itself: the app with its own studio server, the server, the headless companion, the demo, the bundle.

# Root's Postgres runs as nobody, who may not look into /root.
studio_folder() {
    if is_root; then printf '%s' "${XDG_DATA_HOME:-/var/lib}/collabtrack-studio"; else printf '%s' "${XDG_DATA_HOME:-$HOME/.local/share}/collabtrack-studio"; fi
}

# built NAME: where the debug build of a program stands.
built() { printf '%s' "$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)/$1"; }

# One build for everything: a part alone, or programs without the example, would resolve other features and compile the dependencies again.
programs=(--workspace --bins --example demo)
build_programs() {
    require_rust
    require_node
    require_ui_packages
    build_ui || fail "The user interface could not be built (the words above say why)."
    say "Building CollabTrack (minutes the first time, seconds afterwards)."
    cargo build --quiet "${programs[@]}" ${locked[@]+"${locked[@]}"} || fail "CollabTrack does not build (the words above say why)."
}

# run [--until-ready] [APP ARGUMENTS…]
command_run() {
    local until_ready='' called_at built_at
    called_at=$(milliseconds)
    if [ "${1:-}" = --until-ready ]; then
        until_ready=1
        shift
    fi
    if has_display; then
        install_for "CollabTrack is built with them and its studio server needs a database" build studio
    else
        install_for "CollabTrack is built with them, its studio server needs a database, and this machine has no display" build studio display
    fi
    build_programs
    built_at=$(milliseconds)
    make_scratch
    if ! has_display; then
        say "There is no display here: the app runs under a virtual one, where nobody sees it. Ctrl-C ends it."
        start_display
        start_bus
    fi
    start_studio
    open_app "$until_ready" "$@"
}

# Starts the studio server, or uses the one that already runs at the same address. Sets $studio_url.
start_studio() {
    local listen=${COLLABTRACK_LISTEN:-127.0.0.1:8480} folder log=$scratch/studio.log
    studio_url=http://$listen
    if answers_as_studio; then
        say "A studio server is already running at $studio_url; the app uses that one."
        return
    fi
    folder=$(studio_folder)
    (exec 3<>"/dev/tcp/${listen%:*}/${listen##*:}") 2>/dev/null &&
        fail "Another program already uses $listen." "Choose another address: COLLABTRACK_LISTEN=127.0.0.1:PORT ./dev run"
    # The app's own setting; the server refuses names it does not know.
    start INT "$log" env -u COLLABTRACK_LIBRARY "$(built collabtrack-server)" --embedded "$folder" --listen "$listen"
    wait_until 60 "$started" curl -fsS --noproxy '*' "$studio_url/readyz" ||
        { cat "$log" >&2; fail "The studio server did not start (its own words are above)." "Its data is untouched in $folder."; }
    say "Studio server: $studio_url (data in $folder)"
}

answers_as_studio() {
    curl -fsS --noproxy '*' --max-time 2 "$studio_url/api/v1/openapi.json" 2>/dev/null | grep -q CollabTrack
}

# The app makes the file named in COLLABTRACK_READY_FILE when its window can be used.
open_app() {
    local until_ready=$1 app ready=$scratch/ready
    shift
    env COLLABTRACK_STUDIO_URL="$studio_url" COLLABTRACK_READY_FILE="$ready" "$(built collabtrack)" "$@" &
    app=$!
    background_pids=("TERM:$app" ${background_pids[@]+"${background_pids[@]}"})
    if wait_until 60 "$app" test -e "$ready"; then
        say "The window is usable $(seconds_since "$called_at") s after ./dev run was called, $(seconds_since "$built_at") s after the build."
        [ -z "$until_ready" ] || return 0
    elif [ -n "$until_ready" ]; then
        fail "The app did not show a usable window within 60 s."
    fi
    wait "$app"
}

command_server() {
    install_for "CollabTrack is built with them and its studio server needs a database" build studio
    build_programs
    [ $# -gt 0 ] || [ -n "${DATABASE_URL:-}" ] || [ -e "$called_from/.env" ] || set -- --embedded "$(studio_folder)"
    where_called "$(built collabtrack-server)" "$@"
}

command_cli() {
    install_for "CollabTrack is built with them" build
    build_programs
    where_called "$(built collabtrack-cli)" "$@"
}

# demo [--json FILE] [--files DIR]
command_demo() {
    install_for "CollabTrack is built with them and its studio server needs a database" build studio
    build_programs
    where_called "$(built examples/demo)" "$@"
}

command_package() {
    install_for "CollabTrack is built with them" build
    require_rust
    require_node
    require_ui_packages
    exec ui/node_modules/.bin/tauri build "$@"
}
