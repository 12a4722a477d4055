# shellcheck shell=bash
# A desktop nobody sits at: X display, session bus with an unlocked keyring, and a PulseAudio server whose only output is a null sink,
# from whose monitor a test records what was played. All private to one command and gone afterwards; no window manager, no sound card.

# with_desktop COMMAND…
with_desktop() {
    make_scratch
    start_display
    start_bus
    start_keyring
    start_sound
    # The two WEBKIT_DISABLE_… variables stay unset: with them the driver's screenshot call never returns.
    export NO_AT_BRIDGE=1 LIBGL_ALWAYS_SOFTWARE=1 GDK_BACKEND=x11
    unset WAYLAND_DISPLAY
    "$@"
}

has_display() { [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname -s)" != Linux ]; }

# Xvfb picks a free display by itself and names it once it accepts clients.
start_display() {
    local log=$scratch/xvfb.log
    XAUTHORITY=$scratch/xauthority
    export XAUTHORITY
    (umask 077 && : >"$XAUTHORITY")
    # The server looks at the cookie alone, the client at the number too: added again once the number is known.
    local cookie
    cookie=$(random_hex 16)
    xauth -q -f "$XAUTHORITY" add :0 . "$cookie" 2>>"$log"
    start TERM "$log" bash -c 'exec Xvfb -displayfd 3 -screen 0 1440x900x24 -nolisten tcp -noreset -auth "$1" 3>"$2"' _ "$XAUTHORITY" "$scratch/display"
    wait_until 30 "$started" test -s "$scratch/display" || { cat "$log" >&2; fail "The virtual display did not start (its own words are above)."; }
    DISPLAY=:$(cat "$scratch/display")
    export DISPLAY
    xauth -q add "$DISPLAY" . "$cookie" 2>>"$log"
}

start_bus() {
    local log=$scratch/bus.log
    XDG_RUNTIME_DIR=$scratch/run
    DBUS_SESSION_BUS_ADDRESS=unix:path=$scratch/run/bus
    export XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    start TERM "$log" dbus-daemon --session --nofork --nopidfile --nosyslog --address="$DBUS_SESSION_BUS_ADDRESS"
    wait_until 10 "$started" test -S "$scratch/run/bus" || { cat "$log" >&2; fail "The private session bus did not start (its own words are above)."; }
}

# Its own home, so that no keyring of the person at this machine is read or written. The empty line is the password.
start_keyring() {
    local log=$scratch/keyring.log home=$scratch/keyring
    mkdir -m 700 "$home"
    printf '\n' >"$scratch/keyring-password"
    start TERM "$log" env HOME="$home" XDG_DATA_HOME="$home" bash -c \
        'exec gnome-keyring-daemon --foreground --unlock --components=secrets <"$1"' _ "$scratch/keyring-password"
    wait_until 10 "$started" secrets_on_bus || { cat "$log" >&2; fail "The private keyring did not start (its own words are above)."; }
}

secrets_on_bus() {
    dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets | grep -q 'boolean true'
}

start_sound() {
    local log=$scratch/pulse.log home=$scratch/pulse
    mkdir -m 700 "$home"
    export PULSE_SERVER=unix:$home/native COLLABTRACK_TEST_MONITOR=studio.monitor
    start TERM "$log" env HOME="$home" XDG_RUNTIME_DIR="$home" PULSE_RUNTIME_PATH="$home" pulseaudio -n --daemonize=no --exit-idle-time=-1 \
        --disallow-exit --log-target=stderr -L "module-native-protocol-unix socket=$home/native auth-anonymous=1" \
        -L "module-null-sink sink_name=studio rate=48000 channels=2 format=float32le"
    wait_until 10 "$started" pactl info || { cat "$log" >&2; fail "The private sound server did not start (its own words are above)."; }
}
