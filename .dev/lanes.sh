# shellcheck shell=bash
# The checks and tests as lanes: one after the other, each with its log, none stopping the ones after it. The last lines say how every
# lane ended and how many checks and tests passed and failed in all.

logs=target/.dev/logs
report=()
passed=0
failed=0
failing=()

command_check() {
    begin_lanes
    lane plain "set-up" prepare_check
    stop_if_failed
    require_node
    static_lanes
    end_lanes
}

command_test() {
    begin_lanes
    lane plain "set-up" prepare_test
    stop_if_failed
    # A lane runs in a process of its own; what it found or installed has to be found here as well.
    require_node
    require_browser
    static_lanes
    lane cargo "Rust tests" ./dev with-services cargo test --workspace --no-fail-fast ${locked[@]+"${locked[@]}"}
    lane vitest "UI unit tests" in_ui npm test
    lane summary "UI flows" ui_flows
    lane plain "programs" cargo build "${programs[@]}" ${locked[@]+"${locked[@]}"}
    lane summary "API" ./dev api
    lane summary "real app" in_ui ../dev with-desktop npm run e2e:app
    lane demo "demo" ./dev demo
    if [ "${1:-}" = --soak ]; then lane cargo "soak" soak; fi
    end_lanes
}

# Many more seeds of the simulated clients; a failing one is printed as the line that runs it again.
soak() { COLLABTRACK_SEEDS=${COLLABTRACK_SEEDS:-400} cargo test --workspace --test library ${locked[@]+"${locked[@]}"} -- simulation; }

# On a port of its own, so that two checkouts can be tested at once.
ui_flows() { COLLABTRACK_E2E_PORT=$(free_port) in_ui npm run e2e; }

# Everything `test` needs, without testing anything.
prepare_test() {
    install_for "CollabTrack is built, checked and tested with them" build studio checks tests api
    require_browser
    prepare_code
    require_machete
    require_deny
    require_tauri_driver
    require_garage
    require_schemathesis
    forget_tool_builds
}

prepare_check() {
    install_for "CollabTrack is built and checked with them" build checks
    prepare_code
    require_machete
    require_deny
    forget_tool_builds
}

prepare_code() {
    require_rust
    require_rust_parts rustfmt clippy
    require_node
    require_ui_packages
}

static_lanes() {
    lane plain "UI build" build_ui
    lane plain "format" cargo fmt --all --check
    lane plain "clippy" cargo clippy --workspace --all-targets ${locked[@]+"${locked[@]}"} -- -D warnings
    lane plain "Rust docs" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps ${locked[@]+"${locked[@]}"}
    lane plain "unused dependencies" cargo machete
    lane plain "licences" cargo deny check licenses bans sources
    advisories
    lane plain "UI types" in_ui npm run check
    lane plain "UI lint" in_ui npm run --if-present lint
    lane plain "shell scripts" shellcheck --external-sources --severity=warning dev .ci/run
}

# The database of known vulnerabilities is a git repository; where it cannot be reached, that is said and not hidden.
advisories() {
    if GIT_TERMINAL_PROMPT=0 timeout 15 git ls-remote --quiet --exit-code https://github.com/rustsec/advisory-db HEAD >/dev/null 2>&1; then
        lane plain "advisories" cargo deny check advisories
    else
        step "advisories"
        say "SKIP advisories: the RustSec database (github.com/rustsec/advisory-db) cannot be reached from here."
        report+=("$(printf '%-8s%-22s%7s   %s' SKIP advisories "" "the RustSec database cannot be reached from here")")
    fi
}

begin_lanes() {
    began=$SECONDS
    mkdir -p "$logs"
    rm -f "$logs"/*.log
    if is_ci; then export CARGO_INCREMENTAL=0; fi
    export NO_COLOR=1
}

# lane KIND NAME COMMAND…: KIND says how the log is counted: cargo, vitest, demo (✓ and ✗), summary
# ("N passed, N failed"), plain (one check).
lane() {
    local kind=$1 name=$2 log code start=$SECONDS good bad
    shift 2
    log=$logs/$(printf '%s' "$name" | tr ' ' '-').log
    step "$name"
    set +e
    run_lane "$log" "$@"
    code=$?
    set -e
    read -r good bad < <(count "$kind" "$code" "$log")
    if [ "$code" -eq 0 ] && [ $((good + bad)) -eq 0 ]; then
        say "No test ran in this lane: that is a failure."
        code=1
    fi
    if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    passed=$((passed + good))
    failed=$((failed + bad))
    note "$code" "$name" $((SECONDS - start)) "$kind" "$good" "$bad" "$log"
}

# A lane that takes longer than this hangs.
lane_minutes=45

# run_lane LOG COMMAND…: what it says goes into a file that is shown meanwhile, never into a pipe: a program it leaves behind would
# hold the pipe open and nothing after it would ever come.
run_lane() {
    local log=$1 command follower watch code
    shift
    : >"$log"
    # Ctrl-C reaches what runs in the background too.
    (trap - INT && set -e && "$@") </dev/null >"$log" 2>&1 &
    command=$!
    (trap - INT && exec tail -n +1 -f "$log") &
    follower=$!
    (
        trap 'kill "$sleeper" 2>/dev/null; exit' INT TERM
        sleep $((lane_minutes * 60)) &
        sleeper=$!
        wait "$sleeper"
        printf 'This lane took longer than %s minutes and was ended.\n' "$lane_minutes" >>"$log"
        end_tree "$command"
    ) >/dev/null 2>&1 &
    watch=$!
    wait "$command"
    code=$?
    kill "$watch" 2>/dev/null
    # tail looks at the file once a second.
    sleep 1.2
    kill "$follower" 2>/dev/null
    wait "$watch" "$follower" 2>/dev/null
    return "$code"
}

# end_tree PID: it and everything it started.
end_tree() {
    local child
    for child in $(pgrep -P "$1" 2>/dev/null); do end_tree "$child"; done
    kill -s TERM "$1" 2>/dev/null || true
}

note() {
    local word=ok text=
    [ "$1" -eq 0 ] || word=FAILED
    [ "$4" = plain ] || text="$5 passed, $6 failed"
    [ "$1" -eq 0 ] || text="$text${text:+   }$7"
    report+=("$(printf '%-8s%-22s%5d s   %s' "$word" "$2" "$3" "$text")")
    [ "$1" -eq 0 ] || failing+=("$7")
}

# count KIND EXIT_CODE LOG: prints "PASSED FAILED".
count() {
    if [ "$1" = plain ]; then
        if [ "$2" -eq 0 ]; then echo 1 0; else echo 0 1; fi
        return
    fi
    sed 's/\x1b\[[0-9;]*[A-Za-z]//g' "$3" | awk -v kind="$1" '
        # number_before WORD: the number that stands before WORD in this line
        function number_before(word) { return match($0, "[0-9]+ " word) ? substr($0, RSTART) + 0 : 0 }
        kind == "cargo" && /^test result: / { good += number_before("passed"); bad += number_before("failed") }
        kind == "vitest" && /^ *Tests  / { good += number_before("passed"); bad += number_before("failed") }
        kind == "demo" && /^✓ / { good++ }
        kind == "demo" && /^✗ / { bad++ }
        kind == "summary" && /^[0-9]+ passed, [0-9]+ failed$/ { good = number_before("passed"); bad = number_before("failed") }
        END { print good + 0, bad + 0 }'
}

stop_if_failed() {
    [ "$failed" -eq 0 ] || end_lanes
}

end_lanes() {
    local log line
    for log in ${failing[@]+"${failing[@]}"}; do
        step "the end of $log"
        tail -n 80 "$log"
    done
    printf '\n'
    for line in "${report[@]}"; do printf '%s\n' "$line"; done
    printf '%-8s%-22s%5d s\n\n' "" "in all" $((SECONDS - began))
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
    exit
}
