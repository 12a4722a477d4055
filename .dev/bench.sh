# shellcheck shell=bash
# Benchmarks against peers. Each part prints Markdown, which replaces its section of docs/benchmarks.md.

bench_report=docs/benchmarks.md
bench_parts=(audio capture catalogue grid listen scan sync waveform)

# bench [PART [ARGUMENTS…]]: all parts when none is named; the arguments are the part's own.
command_bench() {
    local part parts=("${bench_parts[@]}")
    if [ $# -gt 0 ]; then
        parts=("$1")
        shift
        bench_package "${parts[0]}" >/dev/null
    fi
    install_for "CollabTrack is built with them and measured against them" build studio bench
    require_rust
    for part in "${parts[@]}"; do bench_one "$part" "$@"; done
}

bench_package() {
    case $1 in
    audio) printf collabtrack-audio ;;
    capture | scan) printf collabtrack-library ;;
    catalogue | listen | sync) printf collabtrack-server ;;
    grid | waveform) ;;
    *) fail "There is no benchmark called $1." "Parts: ${bench_parts[*]}" ;;
    esac
}

bench_one() {
    local part=$1 result=target/.dev/bench-$1.md
    shift
    mkdir -p target/.dev
    step "bench $part"
    [ "$part" != catalogue ] || require_table_peers
    bench_run "$part" "$@" |
        tee "$result.new" ||
        fail "The benchmark $part failed; $bench_report is unchanged."
    [ -s "$result.new" ] || fail "The benchmark $part printed nothing; $bench_report is unchanged."
    { cat "$result.new" && printf '\n%s\n' "$(bench_machine "$part" "$@")"; } >"$result"
    rm "$result.new"
    put_section "$part" "$result"
    say "Written into $bench_report."
}

bench_run() {
    local part=$1
    shift
    case $part in
    grid | waveform) bench_app "$part" "$@" ;;
    # How soon a bounce is heard elsewhere, and what a death costs; then what every change costs, ours and others.
    listen) bench_program sync --cases P0,P6 "$@" ;;
    sync) bench_sync "$@" ;;
    *) bench_program "$part" "$@" ;;
    esac
}

# Songs from a seed alone tell little: a real piece goes the same way, unless --no-music says that it shall not.
bench_sync() {
    local argument arguments=(--cases "P1,P2,P3,P4,P5,P9,P10,P11") music=(--music "$bench_music/Coherence.ogg")
    for argument in "$@"; do
        if [ "$argument" = --no-music ]; then music=(); else arguments+=("$argument"); fi
    done
    bench_program sync ${music[@]+"${music[@]}"} "${arguments[@]}"
}

# bench_program PART ARGUMENTS…: built here, or as it lies in $COLLABTRACK_BENCH_PROGRAMS.
bench_program() {
    local part=$1
    shift
    if [ -n "${COLLABTRACK_BENCH_PROGRAMS:-}" ]; then
        "$COLLABTRACK_BENCH_PROGRAMS/bench_$part" "$@"
        return
    fi
    cargo run --release --quiet --package "$(bench_package "$part")" --example "bench_$part" ${locked[@]+"${locked[@]}"} -- "$@"
}

# bench_app PART ARGUMENTS…: the app as it is shipped, steered on a display of its own; the table of the catalogue needs a server too.
bench_app() {
    local part=$1
    shift
    install_for "the real app is steered" tests
    require_tauri_driver
    require_node
    require_ui_packages
    [ "$part" != grid ] || cargo build --release --quiet --package collabtrack-server ${locked[@]+"${locked[@]}"} >&2 ||
        fail "The server does not build (the words above say why)."
    ui/node_modules/.bin/tauri build --no-bundle >&2 || fail "CollabTrack does not build (the words above say why)."
    COLLABTRACK_TEST_PROFILE=release with_desktop node "ui/e2e-app/$part-bench.mjs" "$@"
}

# Two peers no distribution has: daff from the npm registry, and the engine of `qsv diff` built from .dev/peers. They are run, never linked.
require_table_peers() {
    local daff=1.4.2 folder=$cache/daff
    require_node
    if [ ! -e "$folder/node_modules/daff-$daff" ]; then
        say "Installing daff $daff (once, into $folder) because the catalogue is measured against it."
        mkdir -p "$folder"
        npm install --prefix "$folder" --no-audit --no-fund --no-save "daff@$daff" >&2 || fail "daff could not be installed from the npm registry."
        touch "$folder/node_modules/daff-$daff"
    fi
    CARGO_TARGET_DIR=$cache/build cargo build --release --quiet --locked --manifest-path .dev/peers/csv-diff/Cargo.toml ||
        fail "The peer in .dev/peers/csv-diff could not be built."
    export COLLABTRACK_BENCH_DAFF=$folder/node_modules/.bin/daff COLLABTRACK_BENCH_CSV_DIFF=$cache/build/release/peer-csv-diff
}

# bench_machine PART ARGUMENTS…: where the figures come from, in one line.
bench_machine() {
    local model=unknown
    [ ! -r /proc/cpuinfo ] || model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    printf '*Measured %s at commit %s by `./dev bench %s`: %s, %s cores, %s, %s, ffmpeg %s.*' "$(date -u +%Y-%m-%d)" \
        "$(git rev-parse --short HEAD)" "$*" "$model" "$(getconf _NPROCESSORS_ONLN)" "$(uname -sr)" \
        "$(rustc --version | cut -d' ' -f1,2)" "$(ffmpeg -version | awk 'NR == 1 { print $3 }')"
}

# put_section PART FILE: between the part's two markers, which are added at the end when they are not there.
put_section() {
    local begin="<!-- bench:$1 -->" end="<!-- /bench:$1 -->"
    [ -e "$bench_report" ] || printf '# Benchmarks\n\nWritten by `./dev bench [part]`; run it to check any figure on your own machine.\n' >"$bench_report"
    grep -qF "$begin" "$bench_report" || printf '\n%s\n%s\n' "$begin" "$end" >>"$bench_report"
    awk -v begin="$begin" -v end="$end" -v file="$2" '
        $0 == end { inside = 0 }
        !inside { print }
        $0 == begin { inside = 1; while ((getline line < file) > 0) print line }
    ' "$bench_report" >"$bench_report.tmp"
    mv "$bench_report.tmp" "$bench_report"
}
