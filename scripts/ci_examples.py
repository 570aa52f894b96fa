#!/usr/bin/env python3
"""Runs the steps of action.yml, and the script of the GitLab example in docs/ci.md, as the services
run them, on sound and faulty rosters, and checks how they end and what they print.

    scripts/ci_examples.py          builds fleet by the Action's own step
    scripts/ci_examples.py FLEET    takes this program in place of that step

It needs ruamel.yaml, which check-jsonschema brings along.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from ruamel.yaml import YAML

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOUND = (
    "version: 1\ntransport: tmux\nagents:\n"
    "  - {name: o, runtime: sim, class: orchestrator}\n"
    "  - {name: e, runtime: sim, class: enhancer}\n"
)
WARNED = "version: 1\ntransport: tmux\nagents:\n  - {name: a, runtime: sim, class: code}\n"
FAULTY = SOUND.replace("runtime:", "runtme:", 1)
ERROR = re.compile(r"^::error file=fleets/a/roster\.yaml,line=\d+,col=\d+,title=roster%3A%3A", re.M)


def check(what, holds, ended):
    if not holds:
        sys.exit(f"ci_examples: not so: {what}\n{ended.returncode}\n{ended.stdout}{ended.stderr}")
    print(f"  {what}")


class Place:
    """A checkout, and the directories that a runner gives to a step."""

    def __init__(self, rosters):
        self.kept = tempfile.TemporaryDirectory()
        self.top = pathlib.Path(self.kept.name).resolve()
        self.checkout = self.top / "checkout"
        for name, text in rosters.items():
            (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (self.checkout / name).write_text(text)
        # Rosters stand beside code that may be built with an old toolchain.
        pin = '[toolchain]\nchannel = "not-installed-here"\n'
        (self.checkout / "rust-toolchain.toml").write_text(pin)
        (self.top / "temp").mkdir()

    def environment(self):
        files = ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE"]
        told = {name: str(self.top / name.lower()) for name in files}
        for file in told.values():
            pathlib.Path(file).touch()
        kept = {name: os.environ[name] for name in os.environ if not name.startswith("FLEET")}
        directories = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(self.checkout),
            "RUNNER_TEMP": str(self.top / "temp"),
        }
        return {**kept, **told, **directories}

    def bash(self, script, extra):
        """Runs a script as the runner runs `shell: bash`."""
        file = self.top / "temp/step.sh"
        file.write_text(script)
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)],
            cwd=self.checkout,
            env={**self.environment(), **extra},
            capture_output=True,
            text=True,
        )


    def stand_in_for_cargo(self, fleet):
        """Makes a `cargo` that installs a program which is built already, and notes how it was asked."""
        directory = self.top / "bin"
        directory.mkdir()
        script = (
            f'#!/bin/sh -e\necho "$PWD" "$@" >{self.top}/cargo\n'
            f'mkdir -p "$CARGO_HOME/bin"\ncp {fleet} "$CARGO_HOME/bin/fleet"\n'
        )
        (directory / "cargo").write_text(script)
        (directory / "cargo").chmod(0o755)
        return directory


class Action:
    def __init__(self, fleet):
        self.fleet = fleet
        self.text = YAML(typ="safe").load((ROOT / "action.yml").read_text())
        assert self.text["runs"]["using"] == "composite"

    def expanded(self, value, inputs):
        known = {"github.action_path": str(ROOT)}
        known.update({f"inputs.{name}": value for name, value in inputs.items()})
        return re.sub(r"\$\{\{ *([^ }]+) *\}\}", lambda found: known[found[1]], value)

    def run(self, place, **given):
        """Runs the steps until one fails, and returns how the last one ended."""
        inputs = {name: one.get("default", "") for name, one in self.text["inputs"].items()}
        inputs.update({name.replace("_", "-"): value for name, value in given.items()})
        for step in self.text["runs"]["steps"]:
            assert step["shell"] == "bash" and "${{" not in step["run"], step
            if self.fleet and "cargo install" in step["run"]:
                self.install(place)
                continue
            extra = {name: self.expanded(one, inputs) for name, one in step["env"].items()}
            ended = place.bash(step["run"], extra)
            if ended.returncode != 0:
                break
        installed = place.top / "temp/podfleet/bin/fleet"
        if installed.exists() and not self.fleet:
            # Built once is enough; it goes with the place.
            self.fleet = pathlib.Path(shutil.copy(installed, KEPT.name))
        return ended

    def install(self, place):
        to = place.top / "temp/podfleet/bin"
        to.mkdir(parents=True)
        shutil.copy(self.fleet, to / "fleet")


def try_action(action):
    print("the Action")
    sound = {"fleets/a/roster.yaml": SOUND, "roster.yaml": SOUND}
    ended = action.run(Place(sound))
    check("sound rosters pass", ended.returncode == 0 and "::" not in ended.stdout, ended)

    faulty = {**sound, "fleets/a/roster.yaml": FAULTY}
    ended = action.run(Place(faulty))
    found = ended.returncode == 1 and ERROR.search(ended.stdout)
    check("a fault fails the step, and is annotated at its place", found, ended)

    place = Place(faulty)
    ended = action.run(place, sarif="fleet.sarif")
    log = json.loads((place.checkout / "fleet.sarif").read_text())
    results = log["runs"][0]["results"]
    both = ended.returncode == 1 and ERROR.search(ended.stdout) and results
    check("a fault is annotated and written as SARIF", both, ended)

    warned = {"fleets/b c/roster.yaml": WARNED}
    ended = action.run(Place(warned))
    annotated = "::warning file=fleets/b c/roster.yaml" in ended.stdout
    check("a warning is annotated and passes", ended.returncode == 0 and annotated, ended)
    ended = action.run(Place(warned), deny_warnings="true")
    check("a warning fails where that is asked for", ended.returncode == 1, ended)

    ended = action.run(Place(faulty), files="roster.yaml\n\nfleets/none.yaml\n")
    unread = ended.returncode == 2 and "::error file=fleets/none.yaml" in ended.stdout
    check("a file that is not there fails the step, and is annotated", unread, ended)

    ended = action.run(Place(sound), files="--help\n$(touch hurt)")
    check("an input is never an option or a command", ended.returncode == 2, ended)


def try_gitlab(fleet):
    print("the GitLab example")
    guide = (ROOT / "docs/ci.md").read_text()
    example = re.search(r"^## GitLab$.*?^```yaml\n(.*?)^```$", guide, re.M | re.S)[1]
    [job] = YAML(typ="safe").load(example).values()
    for rosters, expected in (({"a/roster.yaml": SOUND}, 0), ({"a/roster.yaml": FAULTY}, 1)):
        place = Place(rosters)
        directory = str(place.checkout)
        variables = {
            name: value.replace("$CI_PROJECT_DIR", directory)
            for name, value in job["variables"].items()
        }
        path = f"{place.stand_in_for_cargo(fleet)}:{os.environ['PATH']}"
        told = {"CI_PROJECT_DIR": directory, "PATH": path, **variables}
        ended = place.bash("\n".join(job["script"]), told)
        check(f"its script ends with {expected}", ended.returncode == expected, ended)
        installed = (place.top / "cargo").read_text().split()
        apart = installed[:2] == ["/", "install"]
        check("it builds outside of the checkout", apart and "podfleet-cli" in installed, ended)


KEPT = tempfile.TemporaryDirectory()


def main():
    action = Action(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None)
    try_action(action)
    try_gitlab(action.fleet)


main()
