// SPDX-License-Identifier: Apache-2.0
// msd export, import and compare: transfer the rows of the services between stores.
#include "app/output.hpp"
#include "app/resolve.hpp"
#include "app/terminal_commands.hpp"
#include "app/transfer_places.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "store/stored_services.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

using table = transfer_end;

constexpr milliseconds progress_every{500};

volatile std::sig_atomic_t interrupted = 0;

// The first Ctrl-C ends a transfer after the current step, the second one at once.
void stop_on_interrupt() {
    struct sigaction action {};
    action.sa_handler = [](int) {
        interrupted = 1;
    };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

// One line on a terminal, overwritten with each update.
class progress_line {
public:
    explicit progress_line(std::string_view service) : service_{service} {}
    progress_line(const progress_line&) = delete;
    progress_line& operator=(const progress_line&) = delete;
    ~progress_line() {
        if (shown_) {
            std::fputs("\r\x1b[K", stderr);
        }
    }

    bool show(const store::transfer_progress& now) {
        if (clock::now() - shown_at_ >= progress_every && isatty(STDERR_FILENO) == 1) {
            shown_at_ = clock::now();
            shown_ = true;
            const auto percent = 100 * now.done / std::max<std::int64_t>(1, now.total);
            fmt::print(stderr, "\r\x1b[K{}: {} rows, {} %", service_, now.done, percent);
            std::fflush(stderr);
        }
        return interrupted == 0;
    }

private:
    std::string service_;
    time_point shown_at_ = clock::now();
    bool shown_ = false;
};

struct moved {
    std::string service;
    store::transfer_progress rows;
};

struct compared {
    std::string service;
    store::comparison rows;
};

int complain(std::string_view service, const error& why) {
    const bool goes_on = why.code == errc::cancelled;
    const std::string_view hint = goes_on ? "; run the same command again to continue" : "";
    log::complain(fmt::format("{}: {}{}", service, why.text, hint));
    return why.code == errc::invalid ? exit_configuration : exit_failed;
}

int complain(const error& why) {
    log::complain(why.text);
    return why.code == errc::invalid ? exit_configuration : exit_failed;
}

// The message never repeats the argument: it may contain a password.
int refuse(const refusal& why) {
    log::complain(fmt::format("the stores of this command: {}", why.text));
    return why.exit_code;
}

std::vector<std::string> chosen_services(const command_line& command) {
    if (!command.services.empty()) {
        return command.services;
    }
    const auto all = store::stored_services(); // so that a row comes after those it refers to
    return {all.begin(), all.end()};
}

result<moved> move_rows(const std::string& service, result<table> from, result<table> to) {
    for (const auto* const end : {&from, &to}) {
        if (!*end) {
            return tl::unexpected{end->error()};
        }
    }
    progress_line progress{service};
    const auto rows =
        store::copy_rows(**from, **to, [&progress](const auto& now) { return progress.show(now); });
    if (!rows) {
        return tl::unexpected{rows.error()};
    }
    return moved{service, *rows};
}

result<compared> compare(const std::string& service, result<table> first, result<table> second) {
    for (const auto* const end : {&first, &second}) {
        if (!*end) {
            return tl::unexpected{end->error()};
        }
    }
    progress_line progress{service};
    const auto rows = store::compare_rows(**first, **second, [&progress](const auto& now) {
        return progress.show(now);
    });
    if (!rows) {
        return tl::unexpected{rows.error()};
    }
    return compared{service, *rows};
}

// The number of all rows, including those that an earlier run has copied.
std::int64_t there_are(const store::transfer_progress& rows) {
    return std::max(rows.total, rows.done);
}

void show(const std::vector<moved>& all, bool as_json) {
    if (as_json) {
        std::string text;
        json::writer out{text};
        out.begin_array();
        for (const auto& [service, rows] : all) {
            out.begin_object().key("service").string(service);
            out.key("rows").integer(there_are(rows));
            out.key("added").integer(rows.added).end_object();
        }
        out.end_array();
        print_json(text);
        return;
    }
    text_table shown{{"SERVICE", "ROWS", "ADDED"}};
    for (const auto& [service, rows] : all) {
        shown.add({service, std::to_string(there_are(rows)), std::to_string(rows.added)});
    }
    print_table(shown);
}

void write_json(json::writer& out, const compared& one) {
    const store::comparison& rows = one.rows;
    out.begin_object().key("service").string(one.service);
    out.key("equal").integer(rows.equal).key("different").integer(rows.different);
    out.key("only_here").integer(rows.only_first).key("only_there").integer(rows.only_second);
    out.key("next_id_here").integer(rows.first_next_id);
    out.key("next_id_there").integer(rows.second_next_id).key("examples").begin_array();
    for (const std::int64_t id : rows.examples) {
        out.integer(id);
    }
    out.end_array().end_object();
}

void show(const std::vector<compared>& all, bool as_json) {
    if (as_json) {
        std::string text;
        json::writer out{text};
        out.begin_array();
        for (const compared& one : all) {
            write_json(out, one);
        }
        out.end_array();
        print_json(text);
        return;
    }
    text_table shown{{"SERVICE", "EQUAL", "DIFFERENT", "ONLY HERE", "ONLY THERE", "FOR EXAMPLE"}};
    for (const auto& [service, rows] : all) {
        shown.add(
            {service,
             std::to_string(rows.equal),
             std::to_string(rows.different),
             std::to_string(rows.only_first),
             std::to_string(rows.only_second),
             rows.examples.empty() ? "-" : fmt::format("id {}", fmt::join(rows.examples, ", "))}
        );
    }
    print_table(shown);
}

} // namespace

int transfer_rows(const command_line& command, const configuration& configured) {
    auto ends = transfer_places::of(command, configured);
    if (!ends) {
        return refuse(ends.error());
    }
    const auto chosen = chosen_services(command);
    if (const auto changed = ends->become_owner(command, configured, chosen); !changed) {
        return complain(changed.error());
    }
    stop_on_interrupt();
    std::vector<moved> all;
    std::vector<error> complete; // files that an earlier run has completed
    for (const std::string& service : chosen) {
        const bool out = command.what == verb::export_rows;
        using enum store::transfer_use;
        auto from = out ? ends->open_configured(service, reading) : ends->open_named(service);
        auto to = !from ? fail(errc::unavailable, "") // without a source no target is created
                  : out ? ends->create_file(service)
                        : ends->open_configured(service, writing);
        if (out && from && !to && to.error().code == errc::conflict) {
            const auto rows = ends->count_in_file(service);
            if (!rows) {
                return complain(service, rows.error());
            }
            all.push_back({service, {.total = *rows}});
            complete.push_back(std::move(to.error()));
            continue;
        }
        auto done = move_rows(service, std::move(from), std::move(to));
        if (!done) {
            return complain(service, done.error());
        }
        all.push_back(std::move(*done));
    }
    if (!all.empty() && complete.size() == all.size()) {
        return complain(all.front().service, complete.front());
    }
    show(all, command.as_json);
    return 0;
}

int compare_rows(const command_line& command, const configuration& configured) {
    auto ends = transfer_places::of(command, configured);
    if (!ends) {
        return refuse(ends.error());
    }
    const auto chosen = chosen_services(command);
    if (const auto changed = ends->become_owner(command, configured, chosen); !changed) {
        return complain(changed.error());
    }
    stop_on_interrupt();
    std::vector<compared> all;
    for (const std::string& service : chosen) {
        auto done = compare(
            service,
            ends->open_configured(service, store::transfer_use::reading),
            ends->open_named(service)
        );
        if (!done) {
            return complain(service, done.error());
        }
        all.push_back(std::move(*done));
    }
    show(all, command.as_json);
    const bool equal =
        std::ranges::all_of(all, [](const compared& one) { return one.rows.all_equal(); });
    return equal ? 0 : exit_failed;
}

} // namespace msd::app
