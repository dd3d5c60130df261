# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over the sources of msd in a compilation database, clean ones excepted.

usage: tidy.py BUILD_DIRECTORY

A file is skipped when it was clean with the same text, the same headers of ours, the same settings
and the same compiler command; $XDG_CACHE_HOME/msd/tidy remembers that by hash, for every clone of
the user. Headers of Debian's packages are not part of the hash: delete the directory after an
upgrade. MSD_TIDY_ANALYZER=0 leaves the static analyzer out, which takes three quarters of the time.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

import sources

TOOL = "clang-tidy-19"
# Asio 1.22 looks for the coroutines of the technical specification when it sees Clang, g++ knows
# warnings that Clang does not, and Clang's own are not what the code is written for.
EXTRA = [
    "--extra-arg=-DASIO_HAS_CO_AWAIT=1",
    "--extra-arg=-DASIO_HAS_STD_COROUTINE=1",
    "--extra-arg=-Wno-unknown-warning-option",
    "--extra-arg=-Wno-error",
]
if os.environ.get("MSD_TIDY_ANALYZER") == "0":
    EXTRA.append("--checks=-clang-analyzer-*")

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\s*"([^"]+)"', re.MULTILINE)


def with_headers(path, seen):
    """Adds `path` and every header of ours it includes, at any depth, to `seen`."""
    if path in seen:
        return
    seen.add(path)
    for name in _INCLUDE.findall(path.read_text(errors="replace")):
        for folder in (path.parent, sources.ROOT / "src", sources.ROOT / "tests"):
            if (folder / name).is_file():
                with_headers((folder / name).resolve(), seen)
                break


def cache():
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "msd" / "tidy"


def fingerprint(entry, settings):
    digest = hashlib.sha256(settings)
    # Where the clone stands makes no difference.
    digest.update(entry["command"].replace(str(sources.ROOT), "").encode())
    read = set()
    with_headers(pathlib.Path(entry["file"]), read)
    for path in sorted(read):
        digest.update(str(path.relative_to(sources.ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def tidy(entry, build, settings):
    """(file, what clang-tidy said) or None when it is clean."""
    stamp = cache() / fingerprint(entry, settings)
    if stamp.exists():
        return None
    done = subprocess.run(
        [TOOL, "-p", str(build), "--quiet", *EXTRA, entry["file"]],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )
    if done.returncode == 0:
        stamp.touch()
        return None
    return entry["file"], done.stdout or done.stderr


def main(build):
    database = json.loads((build / "compile_commands.json").read_text())
    ours = [
        entry for entry in database
        if pathlib.Path(entry["file"]).is_relative_to(sources.ROOT / "src")
    ]
    version = subprocess.run([TOOL, "--version"], capture_output=True, check=True).stdout
    settings = version + (sources.ROOT / ".clang-tidy").read_bytes() + " ".join(EXTRA).encode()
    cache().mkdir(parents=True, exist_ok=True)

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(tidy, entry, build, settings) for entry in ours]
        for number, outcome in enumerate(concurrent.futures.as_completed(waiting), 1):
            complaint = outcome.result()
            if complaint:
                bad += 1
                print(f"{complaint[0]}:\n{complaint[1]}", flush=True)
            elif number % 20 == 0:
                print(f"{number} of {len(ours)} files", flush=True)
    print(f"{TOOL}: {len(ours)} files, {bad} with findings")
    return 1 if bad or not ours else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
