# shellcheck shell=bash
# Rust programs the checks and tests run, built once from crates.io into the user's cache. They are run, never linked.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/collabtrack
tools=$cache/tools
PATH=$tools/bin:$PATH

# Garage is AGPL: a separate program the tests talk to over HTTP.
require_garage() { tool garage 2.5.0 "the storage tests talk to a real S3 server"; }
require_tauri_driver() { tool tauri-driver 2.1.0 "the real app is driven through its web view"; }
require_machete() { tool cargo-machete 0.9.2 "the checks look for unused dependencies"; }
require_deny() { tool cargo-deny 0.20.2 "the checks compare every dependency's licence with the allowed ones"; }

# tool NAME VERSION WHY: builds it if this version is not there yet. Debug builds: they compile in half the time and are fast enough here.
# All share one build folder, so that what they have in common is compiled once.
tool() {
    local stamp=$tools/$1-$2
    [ ! -e "$stamp" ] || return 0
    say "Installing $1 $2 (once, into $tools) because $3."
    mkdir -p "$tools"
    CARGO_TARGET_DIR=$cache/build CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
        cargo install "$1" --version "$2" --locked --debug --root "$tools" >&2 ||
        fail "$1 $2 could not be installed (cargo's own words are above)."
    touch "$stamp"
    tools_built=1
}

# The compiled pieces are of no use once the programs stand in place.
forget_tool_builds() { [ -z "${tools_built:-}" ] || rm -rf "$cache/build"; }
