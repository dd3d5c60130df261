// SPDX-License-Identifier: Apache-2.0
#include "integration/process/test_worker.hpp"

#include "core/scoreboard.hpp"
#include "core/worker_message.hpp"
#include "integration/process/hostile_worker.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <vector>

namespace msd::process {

namespace {

using kind = core::worker_message::kind;

constexpr int slow_ms = 2500; // how long its event loop is blocked
volatile std::sig_atomic_t terminated = 0;

class test_worker {
public:
    test_worker(const worker_description& own, const std::string& notes)
        : own_{own},
          notes_{open(notes.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)},
          board_{core::scoreboard::adopt(unique_fd{own.board})} {}

    void note(const std::string& what) const {
        const std::string line = fmt::format("{}/{} {}\n", own_.pool, own_.slot, what);
        [[maybe_unused]] const auto written = write(notes_, line.data(), line.size());
    }

    void say(kind what, const std::string& text = {}) const {
        const std::string datagram = core::encode({what, text});
        send(own_.control, datagram.data(), datagram.size(), MSG_NOSIGNAL);
    }

    void beat() {
        if (board_) {
            board_->line(own_.line).beat(clock::now());
        }
    }

    void note_file(int file) const {
        std::ifstream in{fmt::format("/proc/self/fd/{}", file)};
        std::string text;
        if (std::getline(in, text)) {
            note("has " + text);
        }
    }

    void wait_for_configure() const {
        pollfd watched{own_.control, POLLIN, 0};
        poll(&watched, 1, -1);
    }

    /// Serves until it is told to end; returns the exit code.
    [[nodiscard]] int serve(const std::string& behaviour) {
        std::vector<pollfd> watched{{own_.control, POLLIN, 0}};
        for (const int listener : own_.listeners) {
            watched.push_back({listener, POLLIN, 0});
        }
        while (terminated == 0) {
            beat();
            poll(watched.data(), watched.size(), 10);
            for (std::size_t i = 1; i < watched.size(); ++i) {
                answer_one(watched[i].fd);
            }
            const auto command = next_command(behaviour);
            const bool keeps = behaviour.starts_with("keep");
            if (command == kind::hand_over && behaviour == "keep") {
                say(kind::kept, "it keeps what it has");
            } else if (command == kind::drain && behaviour == "keep until drained") {
                say(kind::kept, "it kept what it had");
            } else if (command == kind::hand_over && behaviour == "betray") {
                answer_handover_with_contradictions(own_);
            } else if (command == kind::hand_over) {
                poll(nullptr, 0, behaviour == "hand over slowly" ? slow_ms : 0);
            }
            const bool leaves = command == kind::stop ||
                                (command == kind::drain && behaviour != "linger") ||
                                (command == kind::hand_over && !keeps && behaviour != "betray");
            if (leaves) {
                say(kind::drained);
                return 0;
            }
        }
        note("terminated");
        return 0;
    }

private:
    static void answer_one(int listener) {
        const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection >= 0) {
            const std::string text = std::to_string(getpid());
            send(connection, text.data(), text.size(), MSG_NOSIGNAL);
            close(connection);
        }
    }

    void handle_configure(const std::string& number, int file, const std::string& behaviour) {
        if (behaviour == "refuse") {
            say(kind::refused, number + " not this file");
        } else if (behaviour != "deaf") {
            note_file(file);
            say(kind::configured, number);
        }
    }

    // The message of the master; the end of the channel counts as STOP.
    [[nodiscard]] std::optional<kind> next_command(const std::string& behaviour) {
        std::array<char, core::worker_message_bytes_max> buffer{};
        iovec text{buffer.data(), buffer.size()};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
        msghdr parcel{};
        parcel.msg_iov = &text;
        parcel.msg_iovlen = 1;
        parcel.msg_control = room.data();
        parcel.msg_controllen = room.size();
        const ssize_t got = recvmsg(own_.control, &parcel, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        unique_fd attached;
        if (cmsghdr* const header = CMSG_FIRSTHDR(&parcel); got > 0 && header != nullptr) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
            attached.reset(fd);
        }
        if (got < 0) {
            return std::nullopt;
        }
        if (got == 0) {
            note("orphaned");
            return kind::stop;
        }
        const auto message =
            core::decode_worker_message({buffer.data(), static_cast<std::size_t>(got)});
        if (!message) {
            return std::nullopt;
        }
        note(std::string{core::encode({message->what, {}})});
        if (message->what == kind::configure) {
            handle_configure(message->text, attached.get(), behaviour);
        }
        return message->what;
    }

    const worker_description& own_;
    int notes_;
    result<core::scoreboard> board_;
};

std::string
behaviour_of(const worker_description& own, std::string first, const std::string& notes) {
    std::ifstream next{notes + ".next"};
    if (own.generation > 1 && next) {
        std::getline(next, first);
    }
    const std::string here = fmt::format("slot {} ", own.slot);
    if (first.starts_with(here)) {
        return first.substr(here.size());
    }
    return first.starts_with("slot ") ? "serve" : first;
}

} // namespace

int run_test_worker(
    const worker_description& own,
    const std::string& first_behaviour,
    const std::string& notes
) {
    const std::string behaviour = behaviour_of(own, first_behaviour, notes);
    test_worker worker{own, notes};
    worker.note("started");
    worker.note_file(own.config);
    worker.say(kind::hello);
    if (behaviour.starts_with("exit:")) {
        const std::string number = behaviour.substr(5);
        worker.say(kind::fatal, "because of " + number);
        return std::stoi(number);
    }
    if (behaviour == "mute") {
        return worker.serve("serve");
    }
    const bool hangs = behaviour == "hang" || behaviour == "beat once";
    if (behaviour == "beat once") {
        worker.beat();
    }
    // A test that sees READY may end the master, and this worker with it, at once.
    if (hangs) {
        std::signal(SIGTERM, SIG_IGN);
    } else {
        std::signal(SIGTERM, [](int) { terminated = 1; });
    }
    if (behaviour == "late") {
        worker.wait_for_configure();
    }
    worker.note("ready");
    worker.say(kind::ready);
    if (const auto code = run_hostile_worker(own, behaviour)) {
        return *code;
    }
    if (behaviour == "abort") {
        std::abort();
    }
    while (hangs) {
        pause();
    }
    return worker.serve(behaviour);
}

} // namespace msd::process
