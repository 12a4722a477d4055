# shellcheck shell=bash
# Node for building and testing the user interface: the system's when it is new enough, else one in the user's cache. And the
# packages and the built pages of ui/, redone only when what they come from changed.

node_version=20.20.2
npm_version=11.21.2
own_node=$cache/node-$node_version

require_node() {
    if have npm && node_is_new_enough node; then return; fi
    if [ ! -e "$own_node/complete" ]; then install_node; fi
    use_own_node
}

# Vite 8 runs on Node 20.19 and later, and on 22.12 and later.
node_is_new_enough() {
    local version
    version=$("$1" --version 2>/dev/null) || return 1
    version=${version#v}
    case $version in
    20.*) at_least "$version" 20.19 ;;
    *) at_least "$version" 22.12 ;;
    esac
}

# Node comes from the npm registry like everything else of the user interface; some npm has to fetch it the first time.
install_node() {
    local why="the user interface is built with Node 20.19 or newer"
    if ! have npm; then
        if [ "$(uname -s)" = Linux ] && have apt-get; then
            apt_install "$why, and the first npm has to come from somewhere" nodejs npm
        else
            fail "Node 20.19 or newer with npm is missing: $why." "Install it (https://nodejs.org) and run ./dev again."
        fi
        if node_is_new_enough node; then return; fi
    fi
    say "Installing Node $node_version and npm $npm_version (once, into $own_node) because $why."
    rm -rf "$own_node"
    mkdir -p "$own_node"
    printf '{"private":true}\n' >"$own_node/package.json"
    npm install --prefix "$own_node" --no-audit --no-fund --save-exact "node@$node_version" "npm@$npm_version" >&2 ||
        fail "Node $node_version could not be installed from the npm registry (npm's own words are above)."
    node_is_new_enough "$own_node/node_modules/.bin/node" ||
        fail "The Node that npm installed does not run: $own_node/node_modules/.bin/node" "Install Node 20.19 or newer yourself and run ./dev again."
    npm config get globalconfig >"$own_node/globalconfig"
    touch "$own_node/complete"
}

use_own_node() {
    PATH=$own_node/node_modules/.bin:$PATH
    hash -r
    # The machine's settings (a proxy, certificates) are kept: this npm would look for them beside itself.
    npm_config_globalconfig=$(cat "$own_node/globalconfig" 2>/dev/null || true)
    export PATH npm_config_globalconfig
    [ -n "$npm_config_globalconfig" ] || unset npm_config_globalconfig
}

# The lock file and the Node they were installed with decide whether the packages in place are the right ones.
require_ui_packages() {
    local stamp=ui/node_modules/.collabtrack want
    want="$(cksum <ui/package-lock.json) $(node --version)"
    if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then return; fi
    say "Installing the user interface's packages because ui/package-lock.json changed or they were never there."
    in_ui npm ci --no-audit --no-fund >&2 || fail "npm ci failed in ui/ (its own words are above)."
    printf '%s\n' "$want" >"$stamp"
}

# The desktop app embeds ui/dist, so it has to stand before cargo compiles; rewriting it needlessly would compile the app again.
build_ui() {
    local stamp=target/.dev/ui-build want
    want=$(ui_sources | fingerprint)
    if [ -e ui/dist/index.html ] && [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then return; fi
    say "Building the user interface."
    in_ui npm run --silent build >&2 || return 1
    mkdir -p target/.dev
    printf '%s\n' "$want" >"$stamp"
}

in_ui() { (cd ui && "$@"); }

ui_sources() {
    find ui \( -name node_modules -o -name dist -o -name test-results -o -name playwright-report -o -path ui/e2e -o -path ui/e2e-app \) -prune \
        -o -type f -print0
}
