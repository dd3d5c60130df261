// SPDX-License-Identifier: Apache-2.0
#include "app/full_screen.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

namespace msd::app {

namespace {

// The alternate screen; no cursor.
constexpr std::string_view entering = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view leaving = "\x1b[?25h\x1b[?1049l";
constexpr std::array<int, 7> waited_signals{
    {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH}};
constexpr std::array<int, 5> crashes{{SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}};

// For the handler of crashes.
termios saved_modes{}; // NOLINT(*-global-variables): a signal handler has nothing else

bool write_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t wrote = write(STDOUT_FILENO, text.data(), text.size());
        if (wrote > 0) {
            text.remove_prefix(static_cast<std::size_t>(wrote));
            continue;
        }
        if (errno == EAGAIN) {
            constexpr int limit_ms = 1000;
            pollfd room{STDOUT_FILENO, POLLOUT, 0};
            if (poll(&room, 1, limit_ms) > 0 && (room.revents & POLLOUT) != 0) {
                continue;
            }
            return false;
        }
        if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

// Restores the terminal and crashes as the process would have without this. Only calls that a
// handler may make.
void restore_and_crash(int number) {
    [[maybe_unused]] const auto wrote = write(STDOUT_FILENO, leaving.data(), leaving.size());
    tcsetattr(STDIN_FILENO, TCSANOW, &saved_modes);
    signal(number, SIG_DFL);
    raise(number);
}

} // namespace

bool full_screen::is_possible() {
    return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

full_screen::full_screen() {
    tcgetattr(STDIN_FILENO, &before_);
    saved_modes = before_;
    sigemptyset(&waited_);
    for (const int each : waited_signals) {
        sigaddset(&waited_, each);
    }
    pthread_sigmask(SIG_BLOCK, &waited_, &mask_before_);
    signals_ = unique_fd{signalfd(-1, &waited_, SFD_CLOEXEC | SFD_NONBLOCK)};
    for (const int each : crashes) {
        signal(each, restore_and_crash);
    }
    enter();
}

full_screen::~full_screen() {
    leave();
    for (const int each : crashes) {
        signal(each, SIG_DFL);
    }
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void full_screen::enter() const {
    termios modes = before_;
    modes.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    modes.c_oflag &= ~static_cast<tcflag_t>(OPOST); // lines end with CR LF already
    modes.c_cc[VMIN] = 0;
    modes.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &modes);
    write_all(entering);
}

void full_screen::leave() const {
    write_all(leaving);
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

full_screen::extent full_screen::size() const {
    extent made;
    winsize now{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) == 0 && now.ws_row > 0 && now.ws_col > 0) {
        made = {now.ws_row, now.ws_col};
    }
    return made;
}

// Each line is written over the one before and ends with "clear the rest", so nothing is shown
// empty in between.
void full_screen::draw(const std::vector<std::string>& lines) {
    std::string frame = "\x1b[H";
    for (std::size_t index = 0; index < lines.size(); ++index) {
        frame.append(index == 0 ? "" : "\r\n").append(lines[index]).append("\x1b[K");
    }
    frame += "\x1b[J";
    is_gone_ = !write_all(frame) || is_gone_;
}

full_screen::event full_screen::wait(time_point until) {
    while (!is_gone_) {
        std::array<pollfd, 2> all{{{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
        const auto left = std::chrono::ceil<milliseconds>(until - clock::now());
        const int limit = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
        const int count = poll(all.data(), all.size(), limit);
        if (count == 0) {
            return event::none;
        }
        event seen = event::none;
        if ((all[1].revents & POLLIN) != 0) {
            seen = take_signal();
        } else if (all[0].revents != 0) {
            seen = take_key();
        }
        if (seen != event::none) {
            return seen;
        }
    }
    return event::gone;
}

full_screen::event full_screen::take_signal() {
    signalfd_siginfo facts{};
    if (read(signals_.get(), &facts, sizeof facts) != sizeof facts) {
        return event::none;
    }
    switch (static_cast<int>(facts.ssi_signo)) {
    case SIGINT:
        return event::quit;
    case SIGWINCH:
        return event::resized;
    case SIGCONT:
        enter(); // the shell may have changed the modes
        return event::resized;
    case SIGTSTP:
        stop_process();
        return event::none;
    default:
        leave();
        signal(static_cast<int>(facts.ssi_signo), SIG_DFL);
        pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
        raise(static_cast<int>(facts.ssi_signo));
        return event::gone; // the signal was ignored when the command was started
    }
}

full_screen::event full_screen::take_key() {
    std::array<char, 64> keys{};
    const ssize_t got = read(STDIN_FILENO, keys.data(), keys.size());
    if (got <= 0) {
        // Readable, and nothing to read: the other end of the terminal is closed.
        return got < 0 && (errno == EINTR || errno == EAGAIN) ? event::none : event::gone;
    }
    const std::string_view read_keys{keys.data(), static_cast<std::size_t>(got)};
    const bool quits = read_keys.find_first_of("qQ\x03") != std::string_view::npos;
    return quits ? event::quit : event::none;
}

// Stops as the signal asks; SIGCONT comes when it goes on.
void full_screen::stop_process() {
    leave();
    raise(SIGSTOP);
}

} // namespace msd::app
