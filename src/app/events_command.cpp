// SPDX-License-Identifier: Apache-2.0
#include "app/events_command.hpp"

#include "app/data_owner.hpp"
#include "app/output.hpp"
#include "app/resolve.hpp"
#include "app/role_directories.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "services/events/cloud_event.hpp"
#include "services/utc_text.hpp"
#include "store/event_log.hpp"
#include "store/open.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

constexpr milliseconds call_timeout{10'000};
constexpr milliseconds look_every{500};
constexpr std::int64_t tail_events = 20;
constexpr std::int64_t dead_letters_max = 1000;

int complain_of_events(const error& why) {
    log::complain(fmt::format("events: {}", why.text));
    return why.code == errc::invalid ? exit_configuration : exit_failed;
}

deadline soon() {
    return deadline::in(call_timeout);
}

// The log, opened in this process, and the loop that its calls need.
class opened_log {
public:
    result<void> open(const std::filesystem::path& data_dir) {
        store::event_log_settings chosen;
        chosen.store.executor = loop_.get_executor();
        chosen.store.data_dir = data_dir;
        auto opened = wait(store::open_event_log(std::move(chosen), soon()));
        if (!opened) {
            return tl::unexpected{std::move(opened.error())};
        }
        log_ = std::move(*opened);
        return {};
    }

    store::event_log& operator*() { return *log_; }

    template <class T>
    T wait(asio::awaitable<T> task) {
        std::optional<T> outcome;
        asio::co_spawn(
            loop_,
            std::move(task),
            [this, &outcome](const std::exception_ptr& failed, T value) {
                if (failed) {
                    std::rethrow_exception(failed);
                }
                outcome.emplace(std::move(value));
                loop_.stop(); // the timer of the deadline goes on
            }
        );
        loop_.restart();
        loop_.run();
        return std::move(outcome.value());
    }

private:
    asio::io_context loop_{1};
    std::unique_ptr<store::event_log> log_;
};

int show_topics(const command_line& command, opened_log& log) {
    const auto topics = log.wait((*log).topics(soon()));
    if (!topics) {
        return complain_of_events(topics.error());
    }
    if (!command.as_json) {
        text_table table{{"TOPIC", "EVENTS", "FIRST", "LAST"}};
        for (const store::topic_facts& each : *topics) {
            table.add(
                {printable(each.name),
                 std::to_string(each.events),
                 std::to_string(each.first),
                 std::to_string(each.last)}
            );
        }
        print_table(table);
        return 0;
    }
    std::string text;
    json::writer out{text};
    out.begin_array();
    for (const store::topic_facts& each : *topics) {
        out.begin_object().key("topic").string(each.name).key("events").integer(each.events);
        out.key("first").integer(each.first).key("last").integer(each.last).end_object();
    }
    out.end_array();
    print_json(text);
    return 0;
}

int show_groups(const command_line& command, opened_log& log) {
    const auto groups = log.wait((*log).groups(soon()));
    if (!groups) {
        return complain_of_events(groups.error());
    }
    if (!command.as_json) {
        text_table table{{"GROUP", "TOPICS", "POSITION", "UNFINISHED", "DEAD", "REBUILDS"}};
        for (const store::group_facts& each : *groups) {
            table.add(
                {printable(each.name),
                 printable(each.topics),
                 std::to_string(each.position),
                 std::to_string(each.unfinished),
                 std::to_string(each.dead),
                 each.rebuilds ? "yes" : "no"}
            );
        }
        print_table(table);
        return 0;
    }
    std::string text;
    json::writer out{text};
    out.begin_array();
    for (const store::group_facts& each : *groups) {
        out.begin_object().key("group").string(each.name).key("topics").string(each.topics);
        out.key("position").integer(each.position).key("unfinished").integer(each.unfinished);
        out.key("dead").integer(each.dead).key("generation").integer(each.generation);
        out.key("rebuilds").boolean(each.rebuilds).end_object();
    }
    out.end_array();
    print_json(text);
    return 0;
}

void print_event(const command_line& command, const store::event_row& row) {
    if (command.as_json) {
        std::string text;
        json::writer out{text};
        out.begin_object().key("position").integer(row.position).key("event");
        services::write_cloud_event(out, row.fields);
        out.end_object();
        print_json(text);
        return;
    }
    const store::event_fields& event = row.fields;
    print_line(
        stdout,
        fmt::format(
            "{} {} {} {} {} {}",
            row.position,
            event.time,
            event.type,
            event.subject.empty() ? "-" : event.subject,
            event.id,
            event.data
        )
    );
}

int show_tail(const command_line& command, opened_log& log) {
    store::event_query wanted;
    wanted.topic = command.topic;
    wanted.newest = command.after < 0;
    wanted.after = std::max<std::int64_t>(command.after, 0);
    wanted.limit = command.limit > 0 ? command.limit : tail_events;
    for (;;) {
        const auto found = log.wait((*log).read(wanted, soon()));
        if (!found) {
            return complain_of_events(found.error());
        }
        for (const store::event_row& each : *found) {
            print_event(command, each);
            wanted.after = each.position;
        }
        std::fflush(stdout);
        if (!command.follows) {
            return 0;
        }
        wanted.newest = false;
        if (found->empty()) {
            std::this_thread::sleep_for(look_every);
        }
    }
}

int show_dead_letters(const command_line& command, opened_log& log) {
    const auto limit = command.limit > 0 ? command.limit : dead_letters_max;
    const auto dead = log.wait((*log).dead_letters(command.group, limit, soon()));
    if (!dead) {
        return complain_of_events(dead.error());
    }
    if (!command.as_json) {
        text_table table{{"GROUP", "POSITION", "TOPIC", "SUBJECT", "TRIES", "SINCE", "PROBLEM"}};
        for (const store::dead_letter& each : *dead) {
            table.add(
                {printable(each.group),
                 std::to_string(each.event.position),
                 printable(each.event.fields.type),
                 printable(each.event.fields.subject),
                 std::to_string(each.tries),
                 services::utc_text(each.died_ms),
                 printable(each.problem)}
            );
        }
        print_table(table);
        return 0;
    }
    std::string text;
    json::writer out{text};
    out.begin_array();
    for (const store::dead_letter& each : *dead) {
        out.begin_object().key("group").string(each.group);
        out.key("position").integer(each.event.position).key("tries").integer(each.tries);
        out.key("since").string(services::utc_text(each.died_ms));
        out.key("problem").string(each.problem).key("event");
        services::write_cloud_event(out, each.event.fields);
        out.end_object();
    }
    out.end_array();
    print_json(text);
    return 0;
}

int print_number(const command_line& command, std::string_view name, std::int64_t number) {
    if (command.as_json) {
        print_json(fmt::format("{{\"{}\":{}}}", name, number));
    } else {
        print_text(fmt::format("{}: {}\n", name, number));
    }
    return 0;
}

// Prints how many dead letters were changed.
int print_changed(
    const command_line& command,
    std::string_view name,
    const result<std::int64_t>& changed
) {
    if (!changed) {
        return complain_of_events(changed.error());
    }
    if (*changed == 0) {
        log::complain("events: the group has no such dead letter; msd events dead lists them");
        return exit_failed;
    }
    return print_number(command, name, *changed);
}

int replay(const command_line& command, opened_log& log) {
    const auto revived = log.wait((*log).replay(command.group, command.position, soon()));
    return print_changed(command, "replayed", revived);
}

int discard(const command_line& command, opened_log& log) {
    const auto removed = log.wait((*log).discard(command.group, command.position, soon()));
    return print_changed(command, "discarded", removed);
}

int rebuild(const command_line& command, opened_log& log) {
    const auto generation = log.wait((*log).rebuild(command.group, soon()));
    return generation ? print_number(command, "generation", *generation)
                      : complain_of_events(generation.error());
}

int renew(const command_line& command, opened_log& log) {
    const auto groups = log.wait((*log).begin_new_generations(soon()));
    return groups ? print_number(command, "groups", *groups) : complain_of_events(groups.error());
}

int run_on_log(const command_line& command, opened_log& log) {
    if (command.control == "topics") {
        return show_topics(command, log);
    }
    if (command.control == "groups") {
        return show_groups(command, log);
    }
    if (command.control == "tail") {
        return show_tail(command, log);
    }
    if (command.control == "dead") {
        return show_dead_letters(command, log);
    }
    if (command.control == "replay") {
        return replay(command, log);
    }
    if (command.control == "discard") {
        return discard(command, log);
    }
    return command.control == "rebuild" ? rebuild(command, log) : renew(command, log);
}

// As the owner of the directory, also when root runs the command.
result<void> become_owner_of_events(const configuration& configured) {
    const std::vector<std::filesystem::path> directories{configured.data_dir};
    const auto owner = owner_of_data(directories, configured);
    if (!owner) {
        return tl::unexpected{owner.error()};
    }
    return *owner ? become_owner_of_data(directories, **owner, false) : result<void>{};
}

} // namespace

int show_or_change_events(const command_line& command, const configuration& configured) {
    configuration own = configured;
    own.data_dir = data_dir_of(configured.data_dir, "events");
    if (const auto changed = become_owner_of_events(own); !changed) {
        return complain_of_events(changed.error());
    }
    const auto file = own.data_dir / "events.db";
    std::error_code unknown;
    if (!std::filesystem::exists(file, unknown)) {
        log::complain(fmt::format(
            "events: there is no {}; --data-dir must be that of the service events",
            file.native()
        ));
        return exit_failed;
    }
    opened_log log;
    if (const auto opened = log.open(own.data_dir); !opened) {
        return complain_of_events(opened.error());
    }
    return run_on_log(command, log);
}

} // namespace msd::app
