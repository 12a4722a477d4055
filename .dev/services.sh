# shellcheck shell=bash
# The real database and the real S3 server the tests talk to: a private Postgres cluster and Garage, on loopback, in a scratch folder,
# gone afterwards. No durability here on purpose; the embedded studio (backend/src/embedded) is the durable one.

# with_services COMMAND…
with_services() {
    make_scratch
    start_postgres
    start_garage
    "$@"
}

# The folder with initdb and postgres: the one on PATH, else the newest the distribution has.
postgres_bin() {
    local found
    if have initdb && have postgres; then
        dirname "$(readlink -f "$(command -v initdb)")"
        return
    fi
    found=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres /opt/homebrew/opt/postgresql*/bin/postgres | sort -V | while read -r f; do
        [ -x "$f" ] && printf '%s\n' "$f"
    done | tail -n 1)
    [ -n "$found" ] || return 1
    dirname "$found"
}

# Postgres refuses to run as root: there it runs as nobody. (The change of user takes back the kernel's promise to stop the process
# with its parent, so it is made again.)
unprivileged() {
    if is_root; then printf '%s' "setpriv --reuid=nobody --regid=$(id -gn nobody) --clear-groups --pdeathsig=QUIT"; fi
}

start_postgres() {
    local bin dir=$scratch/postgres log=$scratch/postgres.log port password try as_user
    bin=$(postgres_bin) || fail "PostgreSQL is not installed: the tests need its initdb and postgres." "Install the package postgresql."
    read -r -a as_user <<<"$(unprivileged)"
    password=$(random_hex 16)
    mkdir -m 700 "$dir"
    (umask 077 && printf '%s' "$password" >"$dir/password")
    if is_root; then chown -R nobody "$dir"; fi
    (cd "$dir" && ${as_user[@]+"${as_user[@]}"} env HOME="$dir" LC_ALL=C.UTF-8 "$bin/initdb" -D "$dir/data" -U collabtrack \
        --auth=scram-sha-256 --pwfile="$dir/password" -E UTF8 --locale=C.UTF-8 --no-sync) >"$log" 2>&1 ||
        { cat "$log" >&2; fail "The private Postgres cluster could not be made (its own words are above)."; }
    for try in 1 2 3 4 5; do
        port=$(free_port)
        start QUIT "$log" ${as_user[@]+"${as_user[@]}"} env HOME="$dir" LC_ALL=C.UTF-8 "$bin/postgres" -D "$dir/data" -p "$port" \
            -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
            -c shared_buffers=64MB -c max_connections=300
        if wait_until 30 "$started" "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; then
            export COLLABTRACK_TEST_DATABASE_URL="postgres://collabtrack:$password@127.0.0.1:$port/postgres"
            return
        fi
        say "Postgres did not start on port $port (try $try of 5)."
    done
    cat "$log" >&2
    fail "The private Postgres cluster did not start (its own words are above)."
}

start_garage() {
    local dir=$scratch/garage log=$scratch/garage.log api rpc admin key secret try
    mkdir -m 700 "$dir"
    key=GK$(random_hex 12)
    secret=$(random_hex 32)
    for try in 1 2 3 4 5; do
        api=$(free_port) rpc=$(free_port) admin=$(free_port)
        garage_config "$dir" "$api" "$rpc" "$admin" >"$dir/garage.toml"
        start TERM "$log" env GARAGE_DEFAULT_ACCESS_KEY="$key" GARAGE_DEFAULT_SECRET_KEY="$secret" GARAGE_DEFAULT_BUCKET=collabtrack \
            RUST_LOG=garage=info garage -c "$dir/garage.toml" server --single-node --default-bucket
        if wait_until 30 "$started" curl -fsS --noproxy '*' "http://127.0.0.1:$admin/health"; then
            export COLLABTRACK_TEST_GARAGE_ENDPOINT="http://127.0.0.1:$api" COLLABTRACK_TEST_GARAGE_REGION=garage
            export COLLABTRACK_TEST_GARAGE_BUCKET=collabtrack
            export COLLABTRACK_TEST_GARAGE_ACCESS_KEY_ID="$key" COLLABTRACK_TEST_GARAGE_SECRET_ACCESS_KEY="$secret"
            return
        fi
        say "Garage did not start on port $api (try $try of 5)."
    done
    cat "$log" >&2
    fail "The S3 server Garage did not start (its own words are above)."
}

# garage_config DIR API_PORT RPC_PORT ADMIN_PORT
garage_config() {
    cat <<TOML
metadata_dir = "$1/meta"
data_dir = "$1/data"
db_engine = "sqlite"
metadata_fsync = false
data_fsync = false
replication_factor = 1
rpc_bind_addr = "127.0.0.1:$3"
rpc_public_addr = "127.0.0.1:$3"
rpc_secret = "$(random_hex 32)"

[s3_api]
s3_region = "garage"
api_bind_addr = "127.0.0.1:$2"
root_domain = ".s3.garage.localhost"

[admin]
api_bind_addr = "127.0.0.1:$4"
TOML
}
