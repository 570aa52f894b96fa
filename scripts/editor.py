#!/usr/bin/env python3
"""Does with yaml-language-server what docs/editors.md says, and checks what an editor would show.

    scripts/editor.py [SERVER]    the server's program; the one of scripts/setup.sh unless told
"""

import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER = ROOT / ".tools/node/node_modules/.bin/yaml-language-server"
SCHEMA = ROOT / "schemas/roster.draft-07.schema.json"
# The line in which a key begins to be typed, and the misspelt one, are counted from 0 below the
# first line, which names the schema or is empty.
ROSTER = """\
version: 1
transport: tmux
agents:
  - name: coder
    runtime: claude
    class: code
    modl_hint: opus
    rest
"""
CLASS, MISSPELT, TYPED = 6, 7, 8


class Server:
    """The server as an editor talks to it: JSON with a header, over its standard streams."""

    def __init__(self, program, settings):
        self.settings = settings
        self.last = 0
        self.diagnostics = {}
        self.process = subprocess.Popen(
            [program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self):
        length = 0
        while line := self.process.stdout.readline().strip():
            name, value = line.split(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            sys.exit("editor: the server has ended")
        return json.loads(self.process.stdout.read(length))

    def take(self, message):
        """Notes diagnostics, and answers what the server asks of the editor."""
        if message.get("method") == "textDocument/publishDiagnostics":
            found = message["params"]
            self.diagnostics[found["uri"]] = found["diagnostics"]
        elif "method" in message and "id" in message:
            result = None
            if message["method"] == "workspace/configuration":
                sections = [item.get("section") for item in message["params"]["items"]]
                result = [self.settings.get(section) for section in sections]
            self.send({"id": message["id"], "result": result})

    def notify(self, method, params):
        self.send({"method": method, "params": params})

    def ask(self, method, params):
        self.last += 1
        self.send({"id": self.last, "method": method, "params": params})
        while (message := self.receive()).get("id") != self.last or "method" in message:
            self.take(message)
        return message["result"]

    def start(self, root):
        configuration = {"configuration": True, "didChangeConfiguration": {}}
        hover = {"contentFormat": ["markdown"]}
        capabilities = {"workspace": configuration, "textDocument": {"hover": hover}}
        self.ask(
            "initialize",
            {"processId": None, "rootUri": root.as_uri(), "capabilities": capabilities},
        )
        self.notify("initialized", {})
        self.notify("workspace/didChangeConfiguration", {"settings": self.settings})

    def open(self, file):
        uri = file.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": file.read_text()}
        self.notify("textDocument/didOpen", {"textDocument": document})
        while not self.diagnostics.get(uri):
            self.take(self.receive())
        return uri

    def at(self, what, uri, line, character):
        place = {"line": line, "character": character}
        return self.ask(
            f"textDocument/{what}", {"textDocument": {"uri": uri}, "position": place}
        )

    def stop(self):
        self.ask("shutdown", None)
        self.notify("exit", None)
        self.process.wait()


def check(what, holds, found):
    if not holds:
        sys.exit(f"editor: {what} is not there: {found}")
    print(f"  {what}")


def look(server, file):
    uri = server.open(file)
    description = json.loads(SCHEMA.read_text())["definitions"]["Agent"]
    description = description["properties"]["class"]["description"]

    found = [(one["range"]["start"]["line"], one["message"]) for one in server.diagnostics[uri]]
    marked = any(line == MISSPELT and "modl_hint" in message for line, message in found)
    check("a misspelt key is marked in its line", marked, found)

    items = server.at("completion", uri, TYPED, len("    rest"))["items"]
    labels = [item["label"] for item in items]
    check("a key is completed", "restart" in labels, labels)
    both = {"reset_between_tasks", "resetBetweenTasks"} <= set(labels)
    check("both spellings of a key are offered", both, labels)

    hover = server.at("hover", uri, CLASS, len("    cl"))
    text = json.dumps(hover)
    check("a field is described", description.split(".")[0] in text, text)


def try_with(program, how, first_line, settings):
    print(how)
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory).resolve() / "roster.yaml"
        (file.parent / "roster.schema.json").write_text(SCHEMA.read_text())
        file.write_text(f"{first_line}\n{ROSTER}")
        server = Server(program, settings)
        try:
            server.start(file.parent)
            look(server, file)
            server.stop()
        finally:
            server.process.kill()


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else str(SERVER)
    quiet = {"yaml": {"schemaStore": {"enable": False}}}
    mapped = {"yaml": {"schemaStore": {"enable": False}, "schemas": {str(SCHEMA): "roster.yaml"}}}
    line = "# yaml-language-server: $schema="
    try_with(program, "the line in the roster", f"{line}{SCHEMA}", quiet)
    try_with(program, "the line, relative to the roster", f"{line}roster.schema.json", quiet)
    try_with(program, "the editor's settings", "", mapped)
    elsewhere = {"yaml": {**quiet["yaml"], "schemas": {"/nowhere.json": "roster.yaml"}}}
    try_with(program, "the line wins over the settings", f"{line}{SCHEMA}", elsewhere)


main()
