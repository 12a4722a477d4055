# shellcheck shell=bash
# Rust programs the checks and tests run, built once from crates.io into the user's cache. They are run, never linked.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/collabtrack
tools=$cache/tools

garage_version=2.5.0

# tool NAME VERSION WHY: builds it if this version is not there yet. Debug builds: they compile in half the time and are fast enough here.
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

garage_program() {
    [ -x "$tools/bin/garage" ] && printf '%s' "$tools/bin/garage"
}
