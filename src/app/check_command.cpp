// SPDX-License-Identifier: Apache-2.0
// msd check: a configuration file, and what it leads to.
#include "app/cache_check.hpp"
#include "app/config_file.hpp"
#include "app/resolve.hpp"
#include "app/secret.hpp"
#include "app/terminal_commands.hpp"
#include "base/json.hpp"
#include "store/diagnosis.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>

namespace msd::app {

namespace {

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

result<store::diagnosis> look_at_store(const configuration& configured) {
    auto password = store_password(configured, process_environment);
    if (!password) {
        return tl::unexpected{std::move(password.error())};
    }
    store::store_settings settings;
    settings.data_dir = configured.data_dir;
    settings.server = configured.service.store;
    settings.server.password = std::move(*password);
    return store::diagnose(settings);
}

std::string schemas_of(const store::diagnosis& store) {
    std::string text;
    for (const auto& each : store.schemas) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", each.service, each.found);
        if (each.found < each.wanted) {
            text += fmt::format(" (becomes {})", each.wanted);
        }
    }
    return text;
}

void show(const store::diagnosis& store) {
    print(fmt::format("store: {} {} at {}\n", store.kind, store.version, store.where));
    if (store.connections_max > 0) {
        print(fmt::format(
            "  round trip {:.2f} ms, {}, texts {}, {} connections\n",
            store.latency_ms,
            store.tls.empty() ? "no TLS" : "TLS " + store.tls,
            store.collation,
            store.connections_max
        ));
    }
    print(fmt::format("  schema versions: {}\n", schemas_of(store)));
    for (const std::string& each : store.advice) {
        print(fmt::format("  note: {}\n", each));
    }
}

void write_json(json::writer& out, const store::diagnosis& store) {
    out.begin_object().key("kind").string(store.kind).key("where").string(store.where);
    out.key("version").string(store.version);
    if (store.connections_max > 0) {
        out.key("latency_ms").real(store.latency_ms).key("tls").string(store.tls);
        out.key("collation").string(store.collation);
        out.key("connections_max").integer(store.connections_max);
    }
    out.key("schemas").begin_array();
    for (const auto& each : store.schemas) {
        out.begin_object().key("service").string(each.service);
        out.key("found").integer(each.found).key("wanted").integer(each.wanted).end_object();
    }
    out.end_array().key("advice").begin_array();
    for (const std::string& each : store.advice) {
        out.string(each);
    }
    out.end_array().end_object();
}

void show(const std::string& where, const store::redis::inspection& cache) {
    print(fmt::format("cache: {} at {}\n", cache.works ? "works" : "cannot be used", where));
    for (const auto& [name, value] : cache.facts) {
        print(fmt::format("  {} {}\n", name, value));
    }
    for (const std::string& each : cache.advice) {
        print(fmt::format("  {}: {}\n", cache.works ? "note" : "wrong", each));
    }
}

void write_json(
    json::writer& out,
    const std::string& where,
    const store::redis::inspection& cache
) {
    out.begin_object().key("where").string(where).key("works").boolean(cache.works);
    for (const auto& [name, value] : cache.facts) {
        out.key(name).string(value);
    }
    out.key("advice").begin_array();
    for (const std::string& each : cache.advice) {
        out.string(each);
    }
    out.end_array().end_object();
}

// What was found, or why nothing was, under `name`.
void write_outcome(json::writer& out, const result<store::diagnosis>& of) {
    if (of) {
        write_json(out, *of);
    } else {
        out.begin_object().key("error").string(of.error().text).end_object();
    }
}

} // namespace

int check_file(const command_line& command, std::span<const role_facts> roles) {
    const config_schema schema{roles};
    configuration read = schema.defaults();
    if (const auto checked = read_config_file(command.file, schema, read); !checked) {
        fmt::print(stderr, "{}\n", checked.error().text);
        return exit_configuration;
    }
    if (const auto fits = check_together(read); !fits) {
        fmt::print(stderr, "{}: {}\n", command.file, fits.error().text);
        return exit_configuration;
    }
    const auto cache = look_at_cache(read, process_environment);
    if (!cache) {
        fmt::print(stderr, "msd: cache: {}\n", cache.error().text);
        return exit_configuration;
    }
    const std::string cache_where = read.service.cache.where.text();
    const auto store = look_at_store(read);
    if (command.as_json) {
        std::string text;
        json::writer out{text};
        out.begin_object().key("file").string(command.file).key("store");
        write_outcome(out, store);
        if (*cache) {
            out.key("cache");
            write_json(out, cache_where, **cache);
        }
        out.end_object();
        print(text + "\n");
    } else {
        print(fmt::format("{}: good\n", command.file));
        if (store) {
            show(*store);
        }
        if (*cache) {
            show(cache_where, **cache);
        }
    }
    if (!store) {
        fmt::print(stderr, "msd: store: {}\n", store.error().text);
        return store.error().code == errc::invalid ? exit_configuration : exit_failed;
    }
    return *cache && !(*cache)->works ? exit_failed : 0;
}

} // namespace msd::app
