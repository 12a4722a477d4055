"""Builds a small studio through the companion, then runs schemathesis over every operation: signed out, signed in, and at last what ends
something for good. Ends with one line: N passed, N failed.

Arguments: address of the server, set-up code, path of collabtrack-cli, folder for scratch files."""

import json
import math
import os
import struct
import subprocess
import sys
import time
import urllib.request
import wave
import xml.etree.ElementTree as ElementTree
from pathlib import Path

url, setup_code, companion, scratch = sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])
api = f"{url}/api/v1"
PASSWORD = "four walls and an amplifier"
SEED = "20261121"
CHECKS = ",".join(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "ignored_auth",
    ]
)
# What ends the session or the project for all that comes after it.
ENDS = [
    ("POST", "/projects/{project}/trash"),
    ("DELETE", "/account"),
    ("DELETE", "/sessions"),
    # Ids of answers come back in later requests: that of the own session too.
    ("DELETE", "/sessions/{session}"),
    ("POST", "/auth/sign-out"),
]
# A stream without an end; its refusals are asked for signed out.
STREAMS = [("GET", "/events")]


def ask(path, body=None, token=None):
    """POST where there is a body, else GET."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"{api}{path}", json.dumps(body).encode() if body is not None else None, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def cli(*arguments):
    environment = {
        **os.environ,
        "COLLABTRACK_PASSWORD": PASSWORD,
        "COLLABTRACK_TOKEN_PASSPHRASE": "tall ships and a harbour",
    }
    where = ["--json", "--library", str(scratch / "library"), "--token-file", str(scratch / "token")]
    done = subprocess.run([companion, *arguments, *where], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"collabtrack-cli {' '.join(arguments)}: {done.stderr}")
    return json.loads(done.stdout)


def bounce(path):
    """One second of a tone."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(b"".join(struct.pack("<h", int(9_000 * math.sin(n / 30))) for n in range(44_100)))


def studio():
    """A site admin with a project, a version, an open proposal and an open invitation; answers the token and the ids."""
    signed_in = ask("/auth/register", {"name": "Sid", "email": "site@example.com", "password": PASSWORD, "setup_code": setup_code})
    folder = scratch / "Night Drive EP"
    folder.mkdir()
    bounce(folder / "Night Drive.wav")
    cli("init", str(folder))
    deadline = time.monotonic() + 60
    while not (versions := cli("versions")) and time.monotonic() < deadline:
        cli("watch", "--once")
    cli("connect", url)
    cli("sign-in", "site@example.com")
    project = cli("publish", "Night Drive EP")["id"]
    cli("sync", "--once")
    proposal = cli("propose", "Night Drive:1", "--reason", "first mix")["id"]
    invitation = cli("invite", "Night Drive EP")["id"]
    key = cli("account", "make-key")[0]["id"]
    guest = ask("/auth/register", {"name": "Guest", "email": "guest@example.com", "password": PASSWORD})
    version = versions[0]["id"]
    ids = {"project": project, "version": version, "change_set": proposal, "invitation": invitation, "key": key}
    ids["account"] = guest["account"]["id"]
    return signed_in["token"], ids


def end(number, operation, ids):
    """One of the operations that end something, in a session of its own, which it may end."""
    token = ask("/auth/sign-in", {"email": "site@example.com", "password": PASSWORD})["token"]
    session = next(session["id"] for session in ask("/sessions", token=token) if session["current"])
    # What was asked before may have left nothing of the first project.
    project = f"prj_{'a' * 25}{'bcdef'[number]}"
    ask("/projects", {"id": project, "name": "The end"}, token)
    return run(f"the end {number}", 5, token, {**ids, "session": session, "project": project}, only=[operation])


def run(name, examples, token=None, ids=None, only=(), without=()):
    """One run of schemathesis; answers (passed, failed) operations."""
    config = {"path." + key: value for key, value in (ids or {}).items()}
    settings = scratch / f"{name}.toml"
    given = "".join(f'"{key}" = "{value}"\n' for key, value in config.items())
    settings.write_text(f"[auth]\nauto-signup = false\n\n[parameters]\n{given}")
    report = scratch / f"{name}.xml"
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(settings)),
        *("run", f"{api}/openapi.json", "--no-color", "--continue-on-failure", "--phases", "examples,coverage,fuzzing"),
        *("--checks", CHECKS, "--max-examples", str(examples), "--seed", SEED, "--generation-database", "none", "--warnings", "off"),
        *("--suppress-health-check", "all", "--request-timeout", "30", "--no-shrink", "--report", "junit", "--report-junit-path", str(report)),
    ]
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
    for method, path in only:
        command += ["--include-name", f"{method} {path}"]
    for method, path in without:
        command += ["--exclude-name", f"{method} {path}"]
    print(f"\n== {name}", flush=True)
    answers = scratch / f"{name}.json"
    # In the scratch folder: it leaves notes for its next run behind, which would make that run another one.
    subprocess.run(command, check=False, cwd=scratch, env={**os.environ, "ANSWERS": str(answers)})
    passed = failed = 0
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is None:
            passed += 1
    statuses = json.loads(answers.read_text())
    print(f"{name}: " + ", ".join(f"{count} × {status}" for status, count in statuses.items()))
    # A run that only ever hears "not signed in", "not yours" or "not there" tests nothing. A refusal with a reason counts: the last owner
    # of a project does not get rid of the account.
    good = sum(count for status, count in statuses.items() if status.startswith("2") or status == "409")
    if passed + failed == 0 or good < 1:
        print(f"{name}: hardly anything was tested")
        failed += 1
    return passed, failed


def main():
    token, ids = studio()
    results = [
        run("signed out", 5),
        run("signed in", 20, token, ids, without=ENDS + STREAMS),
        *(end(number, operation, ids) for number, operation in enumerate(reversed(ENDS))),
    ]
    good, bad = (sum(column) for column in zip(*results))
    print(f"\n{good} passed, {bad} failed")
    return 1 if bad else 0


sys.exit(main())
