# shellcheck shell=bash
# What has to be on the machine before Rust and Node code can be built, run and tested. Every need is checked by what it does, not by
# a package's name; Debian and Ubuntu get what is missing through apt-get, every other system is told what to install.

missing=()

# need PACKAGE CHECK…: notes the package when the check fails.
need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

needs_of_build() {
    need build-essential have_compilers
    need pkg-config have pkg-config
    need libwebkit2gtk-4.1-dev pkg-config --exists webkit2gtk-4.1
    need libasound2-dev pkg-config --exists alsa
}

needs_of_studio() { need postgresql postgres_bin; }

needs_of_api() { need python3-venv python_venv; }

needs_of_checks() { need shellcheck have shellcheck; }

needs_of_display() {
    need xvfb have Xvfb
    need xauth have xauth
    need dbus have dbus-daemon
    need fonts-dejavu-core have_fonts
}

needs_of_tests() {
    needs_of_display
    need webkit2gtk-driver have WebKitWebDriver
    need pulseaudio have pulseaudio
    need pulseaudio-utils have parec
    # Named so that apt does not choose the variant that brings systemd along.
    need dbus-x11 have dbus-launch
    need gnome-keyring have gnome-keyring-daemon
    need imagemagick have import
    # A hand on the mouse, and another program's window to drop files on.
    need xdotool have xdotool
    need python3-gi has_gtk_window
    need gir1.2-gtk-3.0 has_gtk_window
    # Spoils CSV files the way spreadsheets do: the import tells that from what somebody edited.
    need libreoffice-calc-nogui have soffice
    # Makes the test files of every format, and is the other opinion about what they sound like.
    need ffmpeg have ffmpeg
    linux_like ubuntu || need chromium browser
}

# Where Debian puts the pieces of singularity-music.
bench_music=/usr/share/games/singularity/music

needs_of_bench() {
    local peer
    need ffmpeg have ffmpeg
    for peer in flac sox wavpack rsync casync restic rclone git-lfs syncthing; do need "$peer" have "$peer"; done
    need borgbackup have borg
    need sqlite3 have sqlite3
    # Processor time and memory of every peer, and the network at home.
    need time [ -x /usr/bin/time ]
    need iproute2 have tc
    # Real pieces to send: the music of a game, under CC BY-SA.
    need singularity-music [ -d "$bench_music" ]
}

# Debian's own Python alone finds Debian's modules.
has_gtk_window() { /usr/bin/python3 -c 'import gi; gi.require_version("Gdk", "3.0"); gi.require_version("Gtk", "3.0"); from gi.repository import Gdk, Gtk'; }
# The pip of the venv comes with a package of its own on Debian.
python_venv() { python3 -c "import ensurepip, venv"; }
have_compilers() { have cc && have c++ && have make; }
have_fonts() { [ -n "$(find /usr/share/fonts ~/.local/share/fonts \( -name '*.ttf' -o -name '*.otf' \) -print -quit 2>/dev/null)" ]; }

# The browser the flows of the user interface are tested in: $CHROMIUM, else the first one found.
browser() {
    local name
    if [ -n "${CHROMIUM:-}" ]; then
        printf '%s' "$CHROMIUM"
        return
    fi
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        # Ubuntu's chromium is a stub for a snap, which a test cannot steer.
        if have "$name" && ! grep -qs snap "$(command -v "$name")"; then
            command -v "$name"
            return
        fi
    done
    return 1
}

require_browser() {
    CHROMIUM=$(browser) || fail "There is no Chromium the tests can steer (Ubuntu's own is a snap)." \
        "Install Chrome or Chromium as a normal program and say CHROMIUM=/path/to/it ./dev test"
    export CHROMIUM
}

# install_for WHY SET…: brings in what the named sets lack.
install_for() {
    local why=$1 set
    shift
    missing=()
    for set in "$@"; do "needs_of_$set"; done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(uname -s)" = Linux ] && have apt-get; then
        apt_install "$why" "${missing[@]}"
    else
        name_packages "$why"
    fi
}

apt_install() {
    local why=$1
    shift
    is_root || have sudo || fail "These system packages are missing: $*" "Install them as root: apt-get install $*"
    say "Installing $* because $why."
    apt_update
    case " $* " in *" postgresql "*) forbid_system_cluster ;; esac
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "$@" >&2 || apt_failed "$@"
    allow_system_cluster
    hash -r
}

apt_failed() {
    allow_system_cluster
    fail "apt-get could not install: $*" "Its own words are above; run ./dev again when that is solved."
}

apt_update() {
    [ -z "${apt_updated:-}" ] || return 0
    as_root apt-get -q -o DPkg::Lock::Timeout=300 update >&2 || say "apt-get update failed; trying with the lists there are."
    apt_updated=1
}

as_root() { if is_root; then "$@"; else sudo "$@"; fi; }

# Debian's postgresql makes and starts a cluster for the whole system. CollabTrack uses private ones, so it asks for none this once.
no_cluster=/etc/postgresql-common/createcluster.d/collabtrack-none.conf
forbid_system_cluster() {
    [ ! -e /etc/postgresql-common/createcluster.conf ] || return 0
    as_root mkdir -p "${no_cluster%/*}"
    printf 'create_main_cluster = false\n' | as_root tee "$no_cluster" >/dev/null
}
allow_system_cluster() {
    [ ! -e "$no_cluster" ] || as_root rm -f "$no_cluster"
}

# The names differ elsewhere; guessing them wrong would be worse than asking.
name_packages() {
    case $(uname -s) in
    Darwin) fail "These are missing, because $1: ${missing[*]}" \
        "On macOS: xcode-select --install, then with Homebrew: brew install pkg-config postgresql@17 node@22 ffmpeg" \
        "The web view and the sound system are part of macOS. The desktop lanes of ./dev test run on Linux only." ;;
    MINGW* | MSYS* | CYGWIN*) fail "These are missing, because $1: ${missing[*]}" \
        "On Windows: the Visual Studio C++ build tools, the WebView2 runtime, PostgreSQL 15 or newer and Node 22 (all in winget)." \
        "The desktop lanes of ./dev test run on Linux only." ;;
    *) fail "These are missing, because $1 (named as Debian names them): ${missing[*]}" \
        "Install your distribution's equivalents and run ./dev again." ;;
    esac
}

require_rust() {
    have cargo && have rustc || fail "There is no Rust toolchain on this machine." "Install it from https://rustup.rs and run ./dev again."
    local have_version want_version
    have_version=$(rustc --version | cut -d' ' -f2)
    want_version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    at_least "$have_version" "$want_version" || fail "Rust $have_version is too old: CollabTrack needs $want_version." "Run: rustup update stable"
}

# require_rust_parts clippy rustfmt…
require_rust_parts() {
    local part
    for part in "$@"; do
        case $part in
        rustfmt) have cargo-fmt && cargo fmt --version >/dev/null 2>&1 && continue ;;
        clippy) have cargo-clippy && cargo clippy --version >/dev/null 2>&1 && continue ;;
        esac
        have rustup || fail "The Rust toolchain lacks $part." "Install your distribution's package of it."
        say "Installing $part because the checks use it."
        rustup component add "$part" >&2 || fail "rustup could not add $part (its own words are above)."
    done
}

# at_least HAVE WANT: versions compared number by number.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
