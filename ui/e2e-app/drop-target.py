"""Another program that takes files: a window at the place given, printing the address of every file dropped on it, a line each.

Usage: drop-target.py LEFT TOP WIDTH HEIGHT, in pixels of the screen. Prints "ready" once it is shown.
"""

import sys

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402  (the version has to be asked for first)

left, top, width, height = map(int, sys.argv[1:])


def say(text):
    print(text, flush=True)


def dropped(_window, _context, _x, _y, data, _info, _time):
    for address in data.get_uris():
        say(address)


window = Gtk.Window(title="Drop here", decorated=False)
window.move(left, top)
window.set_default_size(width, height)
window.add(Gtk.Label(label="Drop here"))
window.drag_dest_set(Gtk.DestDefaults.ALL, [], Gdk.DragAction.COPY)
window.drag_dest_add_uri_targets()
window.connect("drag-data-received", dropped)
window.connect("map-event", lambda *_: say("ready"))
window.show_all()
Gtk.main()
