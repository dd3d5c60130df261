// SPDX-License-Identifier: Apache-2.0
// msd check: examines a configuration file and the servers that it names.
#include "app/cache_check.hpp"
#include "app/config_file.hpp"
#include "app/data_owner.hpp"
#include "app/exposure.hpp"
#include "app/output.hpp"
#include "app/per_service.hpp"
#include "app/resolve.hpp"
#include "app/secret.hpp"
#include "app/status_reading.hpp"
#include "app/terminal_commands.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "config/file.hpp"
#include "config/problems.hpp"
#include "store/diagnosis.hpp"
#include "store/stored_services.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

result<store::diagnosis> look_at_store(const configuration& configured) {
    auto password = store_password(configured, process_environment);
    if (!password) {
        return tl::unexpected{std::move(password.error())};
    }
    if (auto changed = become_owner_of_store(configured, false); !changed) {
        return tl::unexpected{std::move(changed.error())};
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

void show(std::FILE* to, const store::diagnosis& store) {
    print_line(to, fmt::format("store: {} {} at {}", store.kind, store.version, store.where));
    if (store.connections_max > 0) {
        const std::string tls = store.tls.empty() ? "no TLS" : "TLS " + store.tls;
        print_line(
            to,
            fmt::format(
                "  round trip {:.2f} ms, {}, texts {}, {} connections",
                store.latency_ms,
                tls,
                store.collation,
                store.connections_max
            )
        );
    }
    print_line(to, fmt::format("  schema versions: {}", schemas_of(store)));
    for (const std::string& each : store.advice) {
        print_line(to, fmt::format("  note: {}", each));
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

void show(std::FILE* to, const std::string& where, const store::redis::inspection& cache) {
    const std::string_view how = cache.works ? "works" : "cannot be used";
    print_line(to, fmt::format("cache: {} at {}", how, where));
    for (const auto& [name, value] : cache.facts) {
        print_line(to, fmt::format("  {} {}", name, value));
    }
    for (const std::string& each : cache.advice) {
        print_line(to, fmt::format("  {}: {}", cache.works ? "note" : "wrong", each));
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

// The findings, or the reason why there are none.
void write_outcome(json::writer& out, const result<store::diagnosis>& of) {
    if (of) {
        write_json(out, *of);
    } else {
        out.begin_object().key("error").string(of.error().text).end_object();
    }
}

// Prints an array with what look_at_store() finds of the data of one service.
int print_store(const command_line& /*command*/, const configuration& of_service) {
    std::string text;
    json::writer out{text};
    out.begin_array();
    write_outcome(out, look_at_store(of_service));
    out.end_array();
    print_json(text);
    return 0;
}

// Adds what a process for `service` printed. False: it found an error, which is in `into`.
bool add_part(result<store::diagnosis>& into, std::string_view service, std::string_view part) {
    json::object fields;
    if (!fields.parse(part) || fields.find("error") != nullptr) {
        into = fail(errc::unavailable, fmt::format("{}: {}", service, text_of(fields, "error")));
        return false;
    }
    into->kind = text_of(fields, "kind");
    into->version = text_of(fields, "version");
    for (const json::value& each : elements_of(fields, "schemas")) {
        json::object schema;
        if (schema.parse(each.text) && text_of(schema, "service") == service) {
            store::migration_report& report = into->schemas.emplace_back();
            report.service = service;
            report.found = number_of(schema, "found");
            report.wanted = number_of(schema, "wanted");
        }
    }
    for (const json::value& each : elements_of(fields, "advice")) {
        into->advice.push_back(each.as_string().value_or(""));
    }
    return true;
}

// A data directory with a directory for each service: app/per_service.hpp.
result<store::diagnosis>
look_at_stores(const command_line& command, const configuration& configured) {
    if (!is_run_per_service(configured)) {
        return look_at_store(configured);
    }
    const auto services = store::stored_services();
    command_line all = command;
    all.services.assign(services.begin(), services.end());
    const service_outputs printed = collect_per_service(all, configured, print_store);
    const std::string array = "[" + printed.elements + "]";
    const auto parts = json::elements(array);
    if (!parts || parts->size() != services.size()) {
        return fail(errc::internal, "the process that looks at a service's data failed");
    }
    result<store::diagnosis> found{store::diagnosis{}};
    found->where = configured.data_dir.native();
    for (std::size_t i = 0; i < services.size(); ++i) {
        if (!add_part(found, services[i], parts->at(i).text)) {
            break;
        }
    }
    return found;
}

struct findings {
    result<store::diagnosis> storage;
    std::string cache_at;
    std::optional<store::redis::inspection> cache; // nothing: none is configured
    std::string exposure; // what others can do without a cluster secret; empty: nothing

    [[nodiscard]] bool are_good() const { return storage.has_value() && (!cache || cache->works); }
};

void show_as_json(const std::string& file, const findings& of) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("file").string(file);
    out.key("good").boolean(of.are_good());
    out.key("store");
    write_outcome(out, of.storage);
    if (of.cache) {
        out.key("cache");
        write_json(out, of.cache_at, *of.cache);
    }
    if (!of.exposure.empty()) {
        out.key("registry").begin_object().key("advice").begin_array();
        out.string(of.exposure).end_array().end_object();
    }
    out.end_object();
    print_json(text);
}

// When anything failed, nothing goes to standard output: a script that reads only standard output
// must not conclude from a part that works that everything works.
void show(const std::string& file, const findings& of) {
    std::FILE* const to = of.are_good() ? stdout : stderr;
    if (of.are_good()) {
        print_line(to, fmt::format("{}: good", file));
    }
    if (of.storage) {
        show(to, *of.storage);
    }
    if (of.cache) {
        show(to, of.cache_at, *of.cache);
    }
    if (!of.exposure.empty()) {
        print_line(to, "registry:");
        print_line(to, fmt::format("  note: {}", of.exposure));
    }
}

// The same as the master warns of at its start.
std::string exposure_of(const configuration& read, std::span<const role_facts> roles) {
    if (read.membership.secrets) {
        return {};
    }
    std::vector<packet_port> ports;
    for (const role_facts& role : roles) {
        if (role.kind != role_kind::gateway && role.kind != role_kind::admin) {
            ports.push_back({role.name, read.host});
        }
    }
    return warning_without_secret(ports);
}

constexpr std::size_t contradictions_max = 100; // reported for one file

// Values that contradict each other. A key with a problem has its default, which may contradict
// other keys. Routes are compared without those that have been reported.
void add_contradictions(
    const std::string& file,
    const configuration& made,
    config::problems& wrong
) {
    configuration rest = made;
    bool has_times = true; // of the file
    for (std::size_t found = 0; found < contradictions_max; ++found) {
        const auto fits = check_together(rest);
        if (fits) {
            return;
        }
        const std::string& text = fits.error().text;
        const auto refused = std::ranges::find_if(rest.gateway.routes, [&text](const auto& each) {
            return text.starts_with(each.source + ": ");
        });
        if (refused == rest.gateway.routes.end()) {
            if (!wrong.has_key_in(text)) {
                wrong.add(0, {}, text);
            }
            if (!std::exchange(has_times, false)) {
                return;
            }
            rest.supervision = {}; // routes can contradict each other as well
            continue;
        }
        wrong.add_located(file, text);
        rest.gateway.routes.erase(refused);
    }
}

// Reads the file and reports every mistake in it, also of values that contradict each other and of
// the file with the cluster secret.
result<void>
read_to_check(const std::string& file, const config_schema& schema, configuration& into) {
    const auto text = config::read_text(file);
    if (!text) {
        return tl::unexpected{text.error()};
    }
    config::problems wrong;
    read_config(*text, file, schema, into, wrong);
    add_contradictions(file, into, wrong);
    constexpr std::string_view secret = "registry.secret_file";
    if (!wrong.has(secret)) {
        if (const auto taken = take_cluster_secrets(into, process_environment); !taken) {
            wrong.add(0, std::string{secret}, taken.error().text);
        }
    }
    return wrong.empty() ? result<void>{} : fail(errc::invalid, wrong.report(file, wrong.size()));
}

} // namespace

int check_file(const command_line& command, std::span<const role_facts> roles) {
    const config_schema schema{roles};
    configuration read = schema.defaults();
    if (const auto good = read_to_check(command.file, schema, read); !good) {
        log::write_error(good.error().text);
        return exit_configuration;
    }
    auto cache = look_at_cache(read, process_environment);
    if (!cache) {
        log::complain(fmt::format("cache: {}", cache.error().text));
        return exit_configuration;
    }
    const findings found{
        look_at_stores(command, read),
        read.service.cache.where.text(),
        std::move(*cache),
        exposure_of(read, roles)};
    if (command.as_json) {
        show_as_json(command.file, found);
    } else {
        show(command.file, found);
    }
    if (!found.storage) {
        const error& why = found.storage.error();
        log::complain(fmt::format("store: {}", why.text));
        return why.code == errc::invalid ? exit_configuration : exit_failed;
    }
    return found.are_good() ? 0 : exit_failed;
}

} // namespace msd::app
