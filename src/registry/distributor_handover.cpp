// SPDX-License-Identifier: Apache-2.0
// How a distributor's worker hands over to its replacement. The old worker sends on the left, the
// new one on the right:
//
//     STATE connections bytes   with memory that holds the state (core/registry_handover.hpp)
//     SOCKETS                   with at most 64 sockets, repeated until all are sent
//                               TAKEN, or REFUSED reason
//     GO
//
// Before GO, the old worker has changed nothing and can continue, and the new worker uses no
// socket.
#include "base/binary.hpp"
#include "base/log.hpp"
#include "base/shared_memory.hpp"
#include "core/registry_handover.hpp"
#include "net/connect.hpp"
#include "net/descriptor_channel.hpp"
#include "net/use_tuple.hpp"
#include "registry/distributor.hpp"
#include "registry/distributor_session.hpp"

#include <asio/posix/stream_descriptor.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace msd::registry {

namespace {

constexpr std::string_view state_word = "STATE ";
constexpr std::string_view sockets_word = "SOCKETS";
constexpr std::string_view taken_word = "TAKEN";
constexpr std::string_view refused_word = "REFUSED ";
constexpr std::string_view go_word = "GO";
constexpr milliseconds reply_limit{1000};

result<shared_memory> memory_with(std::string_view bytes) {
    auto memory = shared_memory::create("msd-handover", bytes.size());
    if (memory) {
        std::memcpy(memory->data(), bytes.data(), bytes.size());
    }
    return memory;
}

result<void> send_state(int to, std::string_view state, std::size_t connections, deadline until) {
    const auto memory = memory_with(state);
    if (!memory) {
        return tl::unexpected{memory.error()};
    }
    const std::string text = fmt::format("{}{} {}", state_word, connections, state.size());
    const std::array descriptors{memory->descriptor()};
    return net::send_parcel(to, text, descriptors, until);
}

result<void> send_sockets(int to, std::span<const int> sockets, deadline until) {
    while (!sockets.empty()) {
        const std::size_t count = std::min(sockets.size(), net::parcel_descriptors_max);
        if (auto sent = net::send_parcel(to, sockets_word, sockets.first(count), until); !sent) {
            return sent;
        }
        sockets = sockets.subspan(count);
    }
    return {};
}

result<void> receive_taken(int from, deadline until) {
    const auto answer = net::receive_parcel(from, until);
    if (!answer) {
        return tl::unexpected{answer.error()};
    }
    const std::string_view text = answer->text;
    if (text == taken_word) {
        return {};
    }
    if (text.starts_with(refused_word)) {
        return fail(errc::refused, std::string{text.substr(refused_word.size())});
    }
    return fail(errc::malformed, "the new worker sent an unknown reply");
}

// "connections bytes"
std::optional<std::pair<std::size_t, std::size_t>> read_sizes(std::string_view text) {
    std::size_t connections = 0;
    std::size_t bytes = 0;
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, connections);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ' ') {
        return std::nullopt;
    }
    const auto second = std::from_chars(first.ptr + 1, end, bytes);
    if (second.ec != std::errc{} || second.ptr != end || bytes > core::handover_bytes_max) {
        return std::nullopt;
    }
    return std::pair{connections, bytes};
}

} // namespace

// What the new worker has received so far.
class distributor::inheritance {
public:
    explicit inheritance(core::registry_settings settings) : settings_{settings} {}

    /// Takes the next parcel. Returns whether it was the last one before GO; an error says why the
    /// handover is refused.
    [[nodiscard]] result<bool> add(net::parcel&& next) {
        if (next.text.starts_with(state_word) && !memory_) {
            return add_state(std::move(next));
        }
        if (next.text != sockets_word || !memory_ || next.descriptors.empty()) {
            return fail(errc::malformed, "the old worker sent an unexpected message");
        }
        for (unique_fd& socket : next.descriptors) {
            sockets_.push_back(std::move(socket));
        }
        return read_when_all_are_there();
    }

    /// When the old worker stopped serving.
    [[nodiscard]] time_point began() const { return began_; }
    [[nodiscard]] bool is_read() const { return read_.has_value(); }
    [[nodiscard]] core::registry_handover& state() { return *read_; }
    [[nodiscard]] std::vector<unique_fd>& sockets() { return sockets_; }

private:
    [[nodiscard]] result<bool> add_state(net::parcel&& received) {
        const auto sizes = read_sizes(std::string_view{received.text}.substr(state_word.size()));
        if (!sizes || received.descriptors.size() != 1) {
            return fail(errc::malformed, "the old worker sent no usable state");
        }
        auto memory = shared_memory::adopt(std::move(received.descriptors.front()), sizes->second);
        if (!memory) {
            return tl::unexpected{std::move(memory.error())};
        }
        began_ = clock::now();
        connections_ = sizes->first;
        bytes_ = sizes->second;
        memory_.emplace(std::move(*memory));
        return read_when_all_are_there();
    }

    [[nodiscard]] result<bool> read_when_all_are_there() {
        if (sockets_.size() < connections_) {
            return false;
        }
        const std::string_view bytes{static_cast<const char*>(memory_->data()), bytes_};
        auto read = core::read_handover(bytes, settings_);
        if (!read) {
            return tl::unexpected{std::move(read.error())};
        }
        if (read->connections.size() != sockets_.size()) {
            return fail(
                errc::malformed,
                "the number of sockets differs from the number of connections"
            );
        }
        read_.emplace(std::move(*read));
        return true;
    }

    core::registry_settings settings_;
    time_point began_{};
    std::size_t connections_ = 0;
    std::size_t bytes_ = 0;
    std::optional<shared_memory> memory_;
    std::vector<unique_fd> sockets_;
    std::optional<core::registry_handover> read_;
};

result<void> distributor::hand_over(const unique_fd& to, deadline until) {
    if (is_ending_) {
        return fail(errc::refused, "the old worker is shutting down");
    }
    const auto open = sessions_;
    for (const auto& [id, each] : open) {
        if (!each->connection.is_open()) {
            forget(id); // its coroutine has not been resumed since
        }
    }
    pump(); // from here on, all unsent bytes are in the queues of the connections
    if (auto gone = hand_over_all_to(to.get(), until); !gone) {
        return gone;
    }
    is_ending_ = true;
    due_.cancel();
    for (const auto& [id, each] : sessions_) {
        each->connection.close(); // this process's descriptor; the new worker has its own
    }
    return {};
}

result<void> distributor::hand_over_all_to(int successor, deadline until) {
    std::vector<core::carried_connection> connections;
    std::vector<int> sockets;
    for (const auto& [id, each] : sessions_) {
        core::carried_connection& carried = connections.emplace_back();
        carried.id = id;
        carried.bad_frames = each->bad_frames;
        carried.unanswered_pings = each->unanswered_pings;
        carried.frame_until = each->connection.frame_until().at();
        carried.ended_until = each->ended_until.at();
        carried.unread = each->connection.unread();
        if (each->proof) {
            binary_writer proof{carried.proof};
            each->proof->write(proof);
        }
        each->connection.for_each_unsent([&carried](const auto& owner, std::string_view bytes) {
            carried.unsent.push_back({owner, bytes});
        });
        sockets.push_back(each->connection.descriptor());
    }
    const auto state = core::write_handover(registry_, connections);
    if (!state) {
        return tl::unexpected{state.error()};
    }
    if (auto sent = send_state(successor, *state, sockets.size(), until); !sent) {
        return sent;
    }
    // A reason for a refusal is more useful than the error of sending to a worker that has ended.
    auto sent = send_sockets(successor, sockets, until);
    if (auto taken = receive_taken(successor, until); !taken) {
        return taken;
    }
    if (!sent) {
        return sent;
    }
    return net::send_parcel(successor, go_word, {}, until);
}

asio::awaitable<bool> distributor::take_over(unique_fd from) {
    asio::posix::stream_descriptor channel{worker_.loop, from.release()};
    inheritance all{registry_settings()};
    for (;;) {
        const auto [failure] =
            co_await channel.async_wait(asio::posix::stream_descriptor::wait_read, net::use_tuple);
        if (failure) {
            co_return false;
        }
        auto next = net::receive_parcel(channel.native_handle(), deadline::in({}));
        if (!next && next.error().code == errc::timeout) {
            continue;
        }
        if (all.is_read()) {
            if (!next || next->text != go_word) {
                co_return false;
            }
            inherit(all);
            co_return true;
        }
        result<bool> read = fail(errc::closed, {});
        if (next) {
            read = all.add(std::move(*next));
        } else {
            read = tl::unexpected{next.error()};
        }
        if (read && !*read) {
            continue;
        }
        const std::string answer =
            read ? std::string{taken_word} : std::string{refused_word} + read.error().text;
        const auto sent =
            net::send_parcel(channel.native_handle(), answer, {}, deadline::in(reply_limit));
        if (!read || !sent) {
            co_return false;
        }
    }
}

void distributor::inherit(inheritance& from) {
    registry_ = std::move(from.state().state);
    const auto executor = worker_.loop.get_executor();
    std::size_t place = 0;
    for (const core::carried_connection& carried : from.state().connections) {
        auto socket = net::adopt_socket(executor, from.sockets()[place++].release());
        auto made = std::make_shared<session>(std::move(socket), worker_, settings_);
        made->id = carried.id;
        made->bad_frames = carried.bad_frames;
        made->unanswered_pings = carried.unanswered_pings;
        made->ended_until = deadline{carried.ended_until};
        made->connection.resume(carried.unread, deadline{carried.frame_until});
        for (const core::shared_bytes& piece : carried.unsent) {
            made->connection.send(piece.owner, piece.bytes);
        }
        resume_proof(*made, carried.proof);
        add(std::move(made));
    }
    // Started when all sessions exist: the first session may cause packets for the last session.
    const auto all = sessions_;
    for (const auto& [id, each] : all) {
        if (registry_.is_lagging(id)) {
            worker_.tasks.spawn(await_room(each));
        }
        worker_.tasks.spawn(converse(each));
    }
    pump();
    log::info(
        "took over {} nodes, {} connections in {} ms",
        registry_.nodes().size(),
        sessions_.size(),
        std::chrono::duration_cast<milliseconds>(clock::now() - from.began()).count()
    );
}

} // namespace msd::registry
