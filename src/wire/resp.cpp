// SPDX-License-Identifier: Apache-2.0
#include "wire/resp.hpp"

#include <algorithm>
#include <charconv>
#include <hiredis/read.h>
#include <new>
#include <utility>

namespace msd::wire {

// hiredis keeps a stack of the values it is reading and calls a function for each. The values are
// built in place: the elements of an array exist, as nil, before they are read.
struct resp_reader::state {
    explicit state(std::size_t limit);
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { redisReaderFree(reader); }

    [[nodiscard]] bool oversized() const;

    // Callbacks of hiredis, which is C: no exception may leave them. A null pointer ends the
    // reading.
    static void* make_text(const redisReadTask* task, char* text, std::size_t size);
    static void* make_array(const redisReadTask* task, int elements);
    // Its signature is hiredis' choice. NOLINTNEXTLINE(google-runtime-int)
    static void* make_integer(const redisReadTask* task, long long number);
    static void* make_nil(const redisReadTask* task);
    static void drop(void* root);

    [[nodiscard]] resp_value& place_of(const redisReadTask& task);
    [[nodiscard]] bool spend(std::size_t bytes);

    redisReplyObjectFunctions functions{make_text, make_array, make_integer, make_nil, drop};
    redisReader* reader;
    std::size_t reply_bytes_max;
    std::size_t bytes_left;
    std::size_t elements_left = elements_max;
    resp_value root;
    std::optional<error> broken; // the stream cannot be read any more
};

namespace {

error too_large() {
    return {errc::too_large, "a reply exceeds the limit"};
}

} // namespace

resp_reader::state::state(std::size_t limit)
    : reader{redisReaderCreateWithFunctions(&functions)},
      reply_bytes_max{limit},
      bytes_left{limit} {
    if (reader == nullptr) {
        throw std::bad_alloc{};
    }
    reader->privdata = this;
}

resp_value& resp_reader::state::place_of(const redisReadTask& task) {
    if (task.parent == nullptr) {
        return root;
    }
    auto& parent = *static_cast<resp_value*>(task.parent->obj);
    return parent.items[static_cast<std::size_t>(task.idx)];
}

bool resp_reader::state::spend(std::size_t bytes) {
    if (bytes > bytes_left) {
        return false;
    }
    bytes_left -= bytes;
    return true;
}

void* resp_reader::state::make_text(const redisReadTask* task, char* text, std::size_t size) {
    auto& self = *static_cast<state*>(task->privdata);
    const bool is_line = task->type != REDIS_REPLY_STRING;
    if (!self.spend(size) || (is_line && size > line_bytes_max)) {
        self.broken = too_large();
        return nullptr;
    }
    resp_value& made = self.place_of(*task);
    made.what = task->type == REDIS_REPLY_STATUS  ? resp_value::kind::status
                : task->type == REDIS_REPLY_ERROR ? resp_value::kind::error
                                                  : resp_value::kind::text;
    try {
        made.text.assign(text, size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
    return &made;
}

void* resp_reader::state::make_array(const redisReadTask* task, int elements) {
    auto& self = *static_cast<state*>(task->privdata);
    const auto wanted = static_cast<std::size_t>(elements);
    if (wanted > self.elements_left) {
        self.broken = too_large();
        return nullptr;
    }
    self.elements_left -= wanted;
    resp_value& made = self.place_of(*task);
    made.what = resp_value::kind::array;
    try {
        made.items.resize(wanted);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
    return &made;
}

// NOLINTNEXTLINE(google-runtime-int)
void* resp_reader::state::make_integer(const redisReadTask* task, long long number) {
    resp_value& made = static_cast<state*>(task->privdata)->place_of(*task);
    made.what = resp_value::kind::integer;
    made.integer = number;
    return &made;
}

void* resp_reader::state::make_nil(const redisReadTask* task) {
    return &static_cast<state*>(task->privdata)->place_of(*task);
}

void resp_reader::state::drop(void* /*root*/) {
    // The values belong to this object and are destroyed with it.
}

// Whether the buffered bytes begin a value that will exceed a limit. hiredis has consumed the type
// of the value already; the rest of its line comes next.
bool resp_reader::state::oversized() const {
    const std::string_view unread{reader->buf + reader->pos, reader->len - reader->pos};
    const auto end = unread.find("\r\n");
    if (end == std::string_view::npos) {
        return unread.size() > line_bytes_max;
    }
    if (reader->ridx < 0 || reader->rstack[reader->ridx].type != REDIS_REPLY_STRING) {
        return false;
    }
    // A complete line that hiredis has not consumed is the length of a text.
    std::size_t announced = 0;
    std::from_chars(unread.data(), unread.data() + end, announced);
    return announced > bytes_left;
}

resp_reader::resp_reader(std::size_t reply_bytes_max)
    : state_{std::make_unique<state>(reply_bytes_max)} {}

resp_reader::~resp_reader() = default;

void resp_reader::feed(std::string_view bytes) {
    if (state_->broken) {
        return;
    }
    if (redisReaderFeed(state_->reader, bytes.data(), bytes.size()) != REDIS_OK) {
        state_->broken = error{errc::too_large, "no memory for a reply"};
    }
}

result<std::optional<resp_value>> resp_reader::next() {
    state& own = *state_;
    if (own.broken) {
        return tl::unexpected{*own.broken};
    }
    void* whole = nullptr;
    if (redisReaderGetReply(own.reader, &whole) != REDIS_OK) {
        own.root = {};
        if (!own.broken) {
            const bool memory = own.reader->err == REDIS_ERR_OOM;
            own.broken = memory ? error{errc::too_large, "no memory for a reply"}
                                : error{errc::malformed, own.reader->errstr};
        }
        return tl::unexpected{*own.broken};
    }
    if (whole == nullptr) {
        if (own.oversized()) {
            own.broken = too_large();
            return tl::unexpected{*own.broken};
        }
        return std::optional<resp_value>{};
    }
    own.bytes_left = own.reply_bytes_max;
    own.elements_left = elements_max;
    return std::optional<resp_value>{std::exchange(own.root, {})};
}

void append_resp_command(std::string& out, std::span<const std::string_view> arguments) {
    const auto append_length = [&out](char type, std::size_t length) {
        out += type;
        out += std::to_string(length);
        out += "\r\n";
    };
    append_length('*', arguments.size());
    for (const std::string_view argument : arguments) {
        append_length('$', argument.size());
        out += argument;
        out += "\r\n";
    }
}

} // namespace msd::wire
