# shellcheck shell=bash
# The API against its own description: schemathesis sends right and wrong requests of every operation to a real studio server, signed out
# and as a site admin who owns a project. Its Python packages are pinned by hash and live in the user's cache.

require_schemathesis() {
    schemathesis=$cache/schemathesis-$(printf '.dev/api/requirements.txt\0' | fingerprint)
    [ ! -e "$schemathesis/ready" ] || return 0
    say "Installing schemathesis (once, into $schemathesis) because the API is tested with it."
    rm -rf "$cache"/schemathesis-*
    mkdir -p "$cache"
    python3 -m venv "$schemathesis" >&2 || fail "Python cannot make a virtual environment." "Install your distribution's python3-venv."
    "$schemathesis/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps -r .dev/api/requirements.txt >&2 ||
        fail "schemathesis could not be installed (pip's own words are above)."
    touch "$schemathesis/ready"
}

# api: needs built programs. Guessing stays slowed down as ever; only the limit of requests a minute is out of the way.
command_api() {
    local data url code log
    install_for "the API is tested with them" studio api
    require_schemathesis
    make_scratch
    data=$scratch/studio log=$scratch/server.log
    url=http://127.0.0.1:$(free_port)
    # The server refuses names it does not know, and settings of this shell are not those of the test.
    local settings=(env -u DATABASE_URL COLLABTRACK_ADMIN_EMAIL=site@example.com COLLABTRACK_SECRET_KEY="$(random_hex 32)"
        COLLABTRACK_TRUSTED_PROXIES=127.0.0.1 COLLABTRACK_REQUESTS_PER_MINUTE=1000000 COLLABTRACK_LOG=warn)
    code=$("${settings[@]}" "$(built collabtrack-server)" --embedded "$data" setup-code 2>>"$log" | head -n 1)
    [ -n "$code" ] || { cat "$log" >&2; fail "The server made no set-up code (its own words are above)."; }
    start INT "$log" "${settings[@]}" "$(built collabtrack-server)" --embedded "$data" --listen "${url#http://}"
    wait_until 60 "$started" curl -fsS --noproxy '*' "$url/readyz" ||
        { cat "$log" >&2; fail "The server did not start (its own words are above)."; }
    NO_PROXY='*' SCHEMATHESIS_HOOKS=hooks PYTHONPATH=$PWD/.dev/api PYTHONDONTWRITEBYTECODE=1 \
        "$schemathesis/bin/python" .dev/api/run.py "$url" "$code" "$(built collabtrack-cli)" "$scratch" ||
        { grep -E 'ERROR|panic' "$log" | tail -n 20 >&2; return 1; }
}
