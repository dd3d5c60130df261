# SPDX-License-Identifier: Apache-2.0
"""Which layer of src/ may include which, and which files may include a library."""

import re

import sources

# The layers directly below each layer. A layer may include these and all that they may include.
STANDS_ON = {
    "base": [],
    "wire": ["base"],
    "core": ["wire"],
    "net": ["core"],
    "store": ["net"],
    "services": ["store"],
    "http": ["net"],
    "upstream": ["http"],
    "node": ["upstream"],
    "gateway": ["node"],
    "registry": ["node"],
    "host": ["node", "services"],
    "admin": ["node"],
    "process": ["core"],
    "config": ["base"],
    "app": ["gateway", "registry", "host", "admin", "process", "config"],
    "main": ["app"],
}

# Headers that few files may include: pattern, path prefixes of these files, and the reason.
RESERVED = [
    (
        r"rapidjson/",
        ["src/base/json.cpp", "src/base/json_scanner.cpp", "src/base/json_writer.cpp"],
        "JSON goes through base/json.hpp",
    ),
    (r"spdlog/", ["src/base/log.cpp"], "logging goes through base/log.hpp"),
    (r"llhttp\.h", ["src/wire/"], "HTTP is parsed in wire"),
    (r"hiredis/", ["src/wire/resp.cpp"], "Redis' protocol goes through wire/resp.hpp"),
    (r"sqlite3\.h", ["src/store/"], "databases are the store's"),
    (
        r"cppconn/",
        [
            "src/store/mysql/connection.cpp",
            "src/store/mysql/driver_parts.hpp",
            "src/store/mysql/query.cpp",
        ],
        "MySQL goes through store/mysql/connection.hpp",
    ),
    (r"CLI/", ["src/app/"], "the command line is app's"),
    (r"toml\+\+/", ["src/config/toml.cpp"], "configuration files go through config/toml.hpp"),
    (
        r"sodium\.h",
        ["src/services/", "src/store/transfer_lines.", "src/base/hmac.", "src/base/base64."],
        "passwords are checked in services, exports have a digest, the rest uses src/base",
    ),
    (
        r"openssl/",
        ["src/services/", "src/net/tls_client.cpp"],
        "hashes are the services', encryption is net's",
    ),
    (
        r"sys/socket\.h|sys/un\.h|netinet/|arpa/inet\.h|netdb\.h",
        # The log writes to standard error, which may be the journal's socket.
        # Three files of core read the text of addresses with inet_pton, which opens no socket.
        [
            "src/net/", "src/process/", "src/base/line_writer.cpp",
            "src/core/advertised_host.cpp", "src/core/address_list.cpp",
            "src/core/rate_quota.cpp",
        ],
        "sockets are opened in net, and bound by process",
    ),
    (
        r"asio(/|\.hpp)",
        [
            "src/net/", "src/http/", "src/store/", "src/services/", "src/upstream/", "src/node/",
            "src/gateway/", "src/registry/", "src/host/", "src/admin/", "src/app/",
        ],
        "the layers below net and the master know no event loop",
    ),
    (
        r"thread|mutex|condition_variable|future",
        [
            "src/base/log.cpp", "src/net/", "src/store/", "src/services/",
            "src/node/log_shipper.", "src/app/",
        ],
        "one thread per worker; blocking calls go through net/blocking_lane.hpp",
    ),
]

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
_CLOCK = re.compile(r"\bclock::now\s*\(|\bdeadline::in\s*\(|\bgettimeofday\b|\bclock_gettime\b")
_CMAKE_LAYER = re.compile(r"^msd_layer\((\w+)([^)]*)\)", re.MULTILINE)


def reachable(layer):
    found = {layer}
    for below in STANDS_ON[layer]:
        found |= reachable(below)
    return found


def layer_of(path):
    parts = path.split("/")
    if parts[0] != "src" or not sources.is_cpp(path):
        return None
    return parts[1] if len(parts) > 2 else "main"


def _line(text, offset):
    return text.count("\n", 0, offset) + 1


def _include_problems(path, text, layer, files):
    read = sources.without_comments(text)
    for match in _INCLUDE.finditer(read):
        own, system = match.groups()
        where = f"{path}:{_line(read, match.start())}"
        if own is not None:
            target = own.split("/")[0]
            if "src/" + own not in files:
                yield f'{where}: "{own}" is no file below src/'
            elif target not in reachable(layer):
                yield f"{where}: {layer} must not include {target}"
        for pattern, users, why in RESERVED:
            if re.fullmatch(f"(?:{pattern}).*", system or "") and not path.startswith(tuple(users)):
                yield f"{where}: <{system}> is not for this file: {why}"


def _cmake_problems(text):
    linked = {}
    for name, arguments in _CMAKE_LAYER.findall(text):
        uses = re.search(r"\bUSES\b((?:(?!\b(?:PRIVATE|ASIO)\b).)*)", arguments, re.DOTALL)
        linked[name] = re.findall(r"\bmsd_(\w+)", uses.group(1)) if uses else []
    expected = {name: below for name, below in STANDS_ON.items() if name != "main"}
    for name in sorted(expected.keys() | linked.keys()):
        if linked.get(name) != expected.get(name):
            yield (
                f"src/CMakeLists.txt: {name} links {linked.get(name)}, "
                f"the layers say {expected.get(name)}"
            )


def check(files):
    problems = []
    for path, text in sorted(files.items()):
        layer = layer_of(path)
        if layer is None:
            continue
        if layer not in STANDS_ON:
            problems.append(f"{path}: {layer} is no layer")
            continue
        problems += _include_problems(path, text, layer, files)
        if layer == "core":
            read = sources.bare(text)
            for match in _CLOCK.finditer(read):
                where = f"{path}:{_line(read, match.start())}"
                problems.append(f"{where}: in core, time is an argument")
    problems += _cmake_problems(files["src/CMakeLists.txt"])
    return problems


if __name__ == "__main__":
    sources.main(check)
