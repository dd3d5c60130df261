// SPDX-License-Identifier: Apache-2.0
// msd top: the requests of routes, services and instances, from the metrics of a running instance.
#include "app/full_screen.hpp"
#include "app/instance_search.hpp"
#include "app/output.hpp"
#include "app/resolve.hpp"
#include "app/terminal_commands.hpp"
#include "app/top_figures.hpp"
#include "app/top_text.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "process/control_client.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace msd::app {

namespace {

constexpr milliseconds master_answers_in{3000};

int failed(std::string_view why) {
    log::complain(why);
    return exit_failed;
}

// Errors of an instance that has ended; others may pass, in a roll for example.
bool has_ended(const error& why) {
    return why.code == errc::not_found || why.code == errc::refused || why.code == errc::denied;
}

result<metrics_sample> look(const instance_socket& at) {
    auto answer =
        process::ask_master(at.path, R"({"command":"metrics"})", deadline::in(master_answers_in));
    return answer ? metrics_sample::read(*answer) : tl::unexpected{std::move(answer.error())};
}

bool has_colours() {
    const char* const wish = std::getenv("NO_COLOR"); // NOLINT(concurrency-mt-unsafe): one thread
    return wish == nullptr || *wish == '\0';
}

std::string about(const instance_socket& at, const top_figures& figures) {
    const double seconds = std::chrono::duration<double>{figures.interval}.count();
    return fmt::format("msd top: {}, the last {:.1f} s", printable(at.name), seconds);
}

// One table, or one line of JSON.
int show_once(const command_line& command, const instance_socket& at) {
    const auto before = look(at);
    if (!before) {
        return failed(before.error().text);
    }
    std::this_thread::sleep_for(std::chrono::seconds{command.top.interval_s});
    const auto now = look(at);
    if (!now) {
        return failed(now.error().text);
    }
    const top_figures figures = figures_between(*before, *now);
    if (command.as_json) {
        print_json(json_of(figures));
        return 0;
    }
    text_space space;
    space.has_colours = has_colours() && isatty(STDOUT_FILENO) == 1;
    for (const std::string& line : top_lines(figures, about(at, figures), space)) {
        print_text(line + "\n");
    }
    return 0;
}

// The screen until the user or the instance ends it. Returns why the instance did.
std::optional<error> run_screen(const command_line& command, const instance_socket& at) {
    const std::chrono::seconds every{command.top.interval_s};
    full_screen screen;
    std::optional<metrics_sample> last;
    top_figures shown;
    std::string note = fmt::format("msd top: {}, measuring …", printable(at.name));
    time_point due = clock::now();
    for (;;) {
        if (clock::now() >= due) {
            auto now = look(at);
            if (!now && has_ended(now.error())) {
                return now.error();
            }
            if (now && last) {
                shown = figures_between(*last, *now);
                note = about(at, shown) + "; q: quit";
            } else if (!now) {
                note = fmt::format("msd top: {}", printable(now.error().text));
            }
            if (now) {
                last = std::move(*now);
            }
            due = clock::now() + every;
        }
        const auto size = screen.size();
        // The last column stays free: a terminal would clear it with the rest of the line.
        const std::size_t columns = std::max<std::size_t>(size.columns, 2) - 1;
        screen.draw(top_lines(shown, note, {columns, size.rows, has_colours()}));
        const auto seen = screen.wait(due);
        if (seen == full_screen::event::quit || seen == full_screen::event::gone) {
            return std::nullopt;
        }
    }
}

} // namespace

int show_top(const command_line& command, const configuration& configured) {
    const auto chosen = choose_instance(command, configured, master_answers_in);
    if (!chosen) {
        return failed(chosen.error().text);
    }
    if (command.top.once || command.as_json || !full_screen::is_possible()) {
        return show_once(command, *chosen);
    }
    if (const auto why = run_screen(command, *chosen)) {
        return failed(why->text);
    }
    return 0;
}

} // namespace msd::app
