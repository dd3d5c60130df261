// SPDX-License-Identifier: Apache-2.0
#include "http/server_http1.hpp"

#include "http/date.hpp"
#include "wire/http_message.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace msd::http {

namespace {

constexpr std::size_t unsent_before_next_request = std::size_t{256} * 1024;
constexpr int switching_protocols = 101;
constexpr int not_implemented = 501;

bool has_no_content(int status) {
    return status < 200 || status == 204 || status == 304;
}

} // namespace

http1_stream::http1_stream(
    server_connection& connection,
    stream_handler& handler,
    request_state state
)
    : connection_{connection},
      handler_{handler} {
    if (state == request_state::usable) {
        const wire::http_request& request = connection.request();
        minor_version_ = request.minor_version;
        head_only_ = request.method == "HEAD";
        takes_trailers_ = request.te_trailers;
        keep_alive_ = request.keep_alive;
    }
}

const wire::http_request& http1_stream::request() const {
    return connection_.request();
}

void http1_stream::release_request() {
    connection_.release_request();
}

const net::peer_address& http1_stream::peer() const {
    return connection_.peer();
}

asio::awaitable<result<std::string_view>> http1_stream::read_piece() {
    return connection_.read_piece();
}

asio::awaitable<result<std::string>>
http1_stream::read_all(std::size_t bytes_max, net::byte_budget::share* memory) {
    return connection_.read_body(bytes_max, memory);
}

void http1_stream::stop_reading() {
    connection_.stop_reading();
}

const wire::http_fields& http1_stream::trailers() const {
    return connection_.trailers();
}

// Lets `write` append to what is sent: void(std::string&).
template <class Write>
void http1_stream::compose(Write write) {
    connection_.out().compose([&](std::string& out) {
        const std::size_t before = out.size();
        write(out);
        queued_ += out.size() - before;
    });
}

void http1_stream::send_interim(int status, const wire::http_fields* fields) {
    assert(!head_sent_ && status >= 100 && status < 200 && status != switching_protocols);
    if (!is_open() || minor_version_ == 0) {
        return;
    }
    wire::http_reply_head head;
    head.status = status;
    head.fields = fields;
    compose([&head](std::string& out) { wire::append_reply_head(out, head); });
}

http1_stream::framing http1_stream::framing_of(const reply_head& head) const {
    if (head.status == switching_protocols) {
        return framing::tunnel;
    }
    if (head_only_ || has_no_content(head.status)) {
        return framing::none;
    }
    if (head.content_length) {
        return framing::counted;
    }
    return minor_version_ == 0 ? framing::until_close : framing::chunked;
}

void http1_stream::send_head(const reply_head& head) {
    assert(!head_sent_ && head.status >= switching_protocols);
    if (!is_open()) {
        return;
    }
    head_sent_ = true;
    framing_ = framing_of(head);
    left_ = framing_ == framing::counted ? *head.content_length : 0;
    // What is left of the request's body is in front of the next request. Behind a request that is
    // not understood, there may be anything.
    keep_alive_ = keep_alive_ && framing_ != framing::until_close && connection_.is_complete() &&
                  head.status != not_implemented && !handler_.is_draining();
    wire::http_reply_head written;
    written.status = head.status;
    written.date = head.has_date || head.status < 200 ? std::string_view{} : current_date();
    written.content_type = head.content_type;
    written.fields = head.fields;
    written.body.content_length = head.content_length;
    written.body.chunked = framing_ == framing::chunked;
    written.keep_alive = keep_alive_;
    written.minor_version = minor_version_;
    written.upgrade = head.upgrade;
    written.lines = head.lines;
    compose([&written](std::string& out) { wire::append_reply_head(out, written); });
    if (framing_ == framing::tunnel) {
        connection_.start_tunnel();
    }
}

// Whether these bytes of the body are to be sent.
bool http1_stream::takes(std::string_view bytes) {
    assert((head_sent_ || !is_open()) && !finished_);
    if (!is_open() || framing_ == framing::none || bytes.empty()) {
        return false;
    }
    if (framing_ == framing::counted) {
        assert(bytes.size() <= left_);
        left_ -= bytes.size();
    }
    return true;
}

void http1_stream::send(std::string_view bytes) {
    if (!takes(bytes)) {
        return;
    }
    compose([&](std::string& out) {
        if (framing_ == framing::chunked) {
            wire::append_chunk_head(out, bytes.size());
            out.append(bytes).append(wire::chunk_end);
        } else {
            out.append(bytes);
        }
    });
}

void http1_stream::send(std::shared_ptr<const void> owner, std::string_view bytes) {
    if (!takes(bytes)) {
        return;
    }
    if (framing_ == framing::chunked) {
        compose([bytes](std::string& out) { wire::append_chunk_head(out, bytes.size()); });
    }
    connection_.out().append(std::move(owner), bytes);
    queued_ += bytes.size();
    if (framing_ == framing::chunked) {
        compose([](std::string& out) { out += wire::chunk_end; });
    }
}

asio::awaitable<bool> http1_stream::writable(std::size_t unsent_max) {
    return connection_.unsent_below(unsent_max);
}

void http1_stream::finish(const wire::http_fields* trailers) {
    assert((head_sent_ || !is_open()) && !finished_);
    if (!is_open()) {
        return;
    }
    if (left_ > 0) {
        reset();
        return;
    }
    finished_ = true;
    if (framing_ == framing::chunked) {
        compose([this, trailers](std::string& out) {
            wire::append_last_chunk(out, takes_trailers_ ? trailers : nullptr);
        });
    } else if (framing_ == framing::tunnel) {
        connection_.out().finish();
    }
    handler_.note_reply(connection_.out().unsent_bytes());
}

void http1_stream::reset() {
    if (reset_ || (finished_ && framing_ != framing::tunnel)) {
        return;
    }
    reset_ = true;
    keep_alive_ = false;
    connection_.unwatch_client();
    if (!head_sent_) {
        connection_.close();
    }
}

bool http1_stream::is_open() const {
    return !reset_ && connection_.is_open();
}

void http1_stream::on_abort(std::function<void()> react) {
    if (react) {
        connection_.watch_client(std::move(react));
    } else {
        connection_.unwatch_client();
    }
}

std::uint64_t http1_stream::bytes_in() const {
    return connection_.request_bytes();
}

std::uint64_t http1_stream::bytes_out() const {
    // The end of a complete reply may still be in the queue.
    const std::uint64_t unsent = finished_ ? 0 : connection_.out().unsent_bytes();
    return queued_ - std::min(queued_, unsent);
}

bool http1_stream::can_continue() {
    if (!finished_) {
        reset();
    }
    connection_.unwatch_client();
    // While draining, the head of the reply has announced that the connection closes. When the
    // drain began after it, the client may send another request, whose reply announces it then.
    return keep_alive_ && connection_.is_complete() && connection_.is_open();
}

asio::awaitable<void> http1_stream::end() {
    if (!finished_ && framing_ == framing::until_close) {
        return connection_.send_and_reset();
    }
    return connection_.linger();
}

asio::awaitable<void> serve_http1(server_connection* connection, stream_handler* handler) {
    using arrival = server_connection::arrival;
    bool goes_on = true;
    while (goes_on) {
        const auto arrived = co_await connection->read_head();
        if (arrived == arrival::ended) {
            // A client that has shut down its sending side may still read the reply.
            co_await connection->unsent_below(0);
            break;
        }
        const bool is_usable = arrived == arrival::head;
        const auto state = is_usable ? http1_stream::request_state::usable
                                     : http1_stream::request_state::malformed;
        http1_stream stream{*connection, *handler, state};
        if (is_usable) {
            co_await handler->serve(&stream);
        } else {
            const int status = connection->failure_status();
            handler->refuse_malformed(stream, status, connection->failure_text());
        }
        goes_on = stream.can_continue();
        if (goes_on) {
            goes_on = co_await connection->unsent_below(unsent_before_next_request);
        } else {
            co_await stream.end();
        }
    }
    connection->close();
}

} // namespace msd::http
