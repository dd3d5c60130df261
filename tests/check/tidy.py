# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over the sources of msd in a compilation database, except those known as clean.

usage: tidy.py BUILD_DIRECTORY

A file is skipped when it was clean with the same text, the same headers of the project, the same
settings and the same compiler command. $XDG_CACHE_HOME/msd/tidy stores the hashes of these, for all
clones of the user. Headers of Debian's packages are not part of the hash: delete the directory
after an upgrade.

MSD_TIDY_ANALYZER=0 is for a machine without such a store: it leaves out the static analyzer, which
takes three quarters of the time, and reads several files of a layer as one, because most of the
rest is the headers that they share. Using declarations that nothing uses are not found then.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import batches
import sources

TOOL = "clang-tidy-19"
CONFIG = sources.ROOT / ".clang-tidy"
# With Clang, Asio 1.22 expects the coroutines of the technical specification. g++ has warnings that
# Clang does not know, and warnings of Clang are no errors here.
EXTRA = [
    "--extra-arg=-DASIO_HAS_CO_AWAIT=1",
    "--extra-arg=-DASIO_HAS_STD_COROUTINE=1",
    "--extra-arg=-Wno-unknown-warning-option",
    "--extra-arg=-Wno-error",
]
LINES_AT_ONCE = 0  # each file by itself
if os.environ.get("MSD_TIDY_ANALYZER") == "0":
    EXTRA.append("--checks=-clang-analyzer-*")
    LINES_AT_ONCE = 3000

_DOES_NOT_COMPILE = re.compile(r"^(/\S+):\d+:\d+: error: .*\[clang-diagnostic-error\]$", re.M)


def cache():
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "msd" / "tidy"


def fingerprint(entry, settings):
    digest = hashlib.sha256(settings)
    # The path of the clone is not part of the hash.
    digest.update(entry["command"].replace(str(sources.ROOT), "").encode())
    path = pathlib.Path(entry["file"])
    for path in sorted({path} | batches.headers_of(path)):
        digest.update(str(path.relative_to(sources.ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def command_of(entry):
    """The compiler's command without the names of what it reads and writes."""
    return re.sub(r" -o \S+", "", entry["command"]).replace(entry["file"], "")


def batches_of(entries):
    """Entries that can be read as one: of one layer, compiled alike (batches.py)."""
    alike = {}
    for entry in entries:
        alike.setdefault(command_of(entry), {})[pathlib.Path(entry["file"])] = entry
    return [
        [by_path[path] for path in batch]
        for by_path in alike.values()
        for batch in batches.batches(by_path, LINES_AT_ONCE, is_strict=False)
    ]


def run(entries, build):
    """The finished clang-tidy process for these files, read as one."""
    with tempfile.TemporaryDirectory(dir=build) as folder:
        file = entries[0]["file"]
        if len(entries) > 1:
            file = pathlib.Path(folder) / "batch.cpp"
            file.write_text(
                "".join(f'#include "{each["file"]}" // NOLINT\n' for each in entries)
            )
            entry = dict(entries[0], file=str(file))
            entry["command"] = f"{command_of(entries[0])} {file}"
            (pathlib.Path(folder) / "compile_commands.json").write_text(json.dumps([entry]))
            build = folder
        return subprocess.run(
            [TOOL, f"--config-file={CONFIG}", "-p", str(build), "--quiet", *EXTRA, str(file)],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )


def tidy(batch, build, settings):
    """[(files, output of clang-tidy)] for files that are not clean."""
    stamps = {each["file"]: cache() / fingerprint(each, settings) for each in batch}
    waiting = [[each for each in batch if not stamps[each["file"]].exists()]]
    complaints = []
    while waiting:
        entries = waiting.pop()
        if not entries:
            continue
        done = run(entries, build)
        if done.returncode == 0:
            for each in entries:
                stamps[each["file"]].touch()
            continue
        # A file that does not compile in its batch is read by itself.
        clashing = set(_DOES_NOT_COMPILE.findall(done.stdout))
        if clashing and len(entries) > 1:
            apart = [each for each in entries if each["file"] in clashing]
            others = [each for each in entries if each["file"] not in clashing]
            if apart and others:
                waiting += [apart, others]
            else:
                waiting += [[each] for each in entries]
            continue
        complaints.append((" ".join(each["file"] for each in entries), done.stdout or done.stderr))
    return complaints


def main(build):
    database = json.loads((build / "compile_commands.json").read_text())
    ours = [
        entry for entry in database
        if pathlib.Path(entry["file"]).is_relative_to(sources.ROOT / "src")
    ]
    version = subprocess.run([TOOL, "--version"], capture_output=True, check=True).stdout
    settings = version + CONFIG.read_bytes() + " ".join(EXTRA).encode()
    cache().mkdir(parents=True, exist_ok=True)

    bad = 0
    finished = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = {pool.submit(tidy, batch, build, settings): batch for batch in batches_of(ours)}
        for outcome in concurrent.futures.as_completed(waiting):
            for files, said in outcome.result():
                bad += 1
                print(f"{files}:\n{said}", flush=True)
            before, finished = finished, finished + len(waiting[outcome])
            if finished // 20 > before // 20:
                print(f"{finished} of {len(ours)} files", flush=True)
    print(f"{TOOL}: {len(ours)} files, {bad} complaints")
    return 1 if bad or not ours else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
