// SPDX-License-Identifier: Apache-2.0
#include "core/topology_reader.hpp"

#include "base/json.hpp"
#include "core/registration.hpp"

#include <limits>
#include <utility>

namespace msd::core {

namespace {

// The levels of JSON around the elements of params and of changes.
constexpr std::size_t levels_of_nodes = 2;
constexpr std::size_t levels_of_changes = 3;
constexpr std::size_t scalar_bytes_max = 128; // of a name, number or known word, escapes included

json::value scalar(std::string_view text) {
    if (text.size() > scalar_bytes_max) {
        return {};
    }
    return json::parse(text).value_or(json::value{});
}

std::string decoded_name(std::string_view literal, bool has_escape) {
    if (has_escape) {
        return json::value{json::kind::string, literal}.as_string().value_or("");
    }
    return std::string{literal.substr(1, literal.size() - 2)};
}

} // namespace

topology_reader::progress topology_reader::step(std::size_t bytes) {
    const char* const begin = input_.position();
    while (at_ != place::end) {
        if (!advance()) {
            return progress::malformed;
        }
        if (static_cast<std::size_t>(input_.position() - begin) >= bytes && at_ != place::end) {
            return progress::more;
        }
    }
    if (!input_.finish()) {
        return progress::malformed;
    }
    return progress::complete;
}

topology_packet topology_reader::take() {
    read_.is_topology = uri_ == registry_uri && method_ == "GET";
    return std::move(read_);
}

tl::unexpected<error> topology_reader::failure() const {
    if (has_too_many_) {
        return fail(errc::too_large, "a list of nodes has too many elements");
    }
    return input_.failure();
}

bool topology_reader::advance() {
    switch (at_) {
    case place::start:
        input_.skip_space();
        return input_.expect('{') && begin_object(false);
    case place::name:
        return read_name();
    case place::first:
        input_.skip_space();
        if (input_.take(']')) {
            at_ = place::after_value;
            return true;
        }
        at_ = place::element;
        return true;
    case place::element:
        return read_element();
    case place::after_value:
        return after_value();
    case place::end:
        break;
    }
    return true;
}

// Behind the brace.
bool topology_reader::begin_object(bool in_changes) {
    in_changes_ = in_changes;
    input_.skip_space();
    if (!input_.take('}')) {
        at_ = place::name;
    } else {
        at_ = in_changes ? place::after_value : place::end;
        in_changes_ = false;
    }
    return true;
}

bool topology_reader::read_name() {
    const char* const begin = input_.position();
    bool has_escape = false;
    if (!input_.string(has_escape)) {
        return false;
    }
    const std::string_view literal{begin, input_.position()};
    input_.skip_space();
    if (!input_.expect(':')) {
        return false;
    }
    input_.skip_space();
    if (literal.size() > scalar_bytes_max) {
        return read_value({});
    }
    return read_value(decoded_name(literal, has_escape));
}

bool topology_reader::read_value(std::string_view name) {
    if (in_changes_ && name == "add") {
        return begin_array(read_.add, read_.added);
    }
    if (in_changes_ && name == "remove") {
        return begin_array(read_.remove, read_.removed);
    }
    if (!in_changes_ && name == "params") {
        return begin_array(read_.params, read_.nodes);
    }
    if (!in_changes_ && name == "changes") {
        read_.has_changes = true;
        read_.add = read_.remove = topology_packet::member::absent;
        read_.added.clear();
        read_.removed.clear();
        if (input_.take('{')) {
            return begin_object(true);
        }
    }
    const char* const begin = input_.position();
    if (!input_.value(json::depth_max - (in_changes_ ? 2 : 1))) {
        return false;
    }
    if (!in_changes_) {
        keep(name, {begin, input_.position()});
    }
    at_ = place::after_value;
    return true;
}

// When a name occurs twice, the last one counts.
bool topology_reader::begin_array(
    topology_packet::member& what,
    std::vector<std::string_view>& to
) {
    to.clear();
    what = topology_packet::member::array;
    if (input_.take('[')) {
        elements_ = &to;
        at_ = place::first;
        return true;
    }
    what = topology_packet::member::other;
    at_ = place::after_value;
    return input_.value(json::depth_max - (in_changes_ ? 2 : 1));
}

bool topology_reader::read_element() {
    if (elements_->size() == json::elements_max) {
        has_too_many_ = true;
        return false;
    }
    input_.skip_space();
    const char* const begin = input_.position();
    if (!input_.value(json::depth_max - (in_changes_ ? levels_of_changes : levels_of_nodes))) {
        return false;
    }
    elements_->emplace_back(begin, static_cast<std::size_t>(input_.position() - begin));
    input_.skip_space();
    if (input_.take(',')) {
        return true;
    }
    at_ = place::after_value;
    return input_.expect(']');
}

bool topology_reader::after_value() {
    input_.skip_space();
    if (input_.take(',')) {
        input_.skip_space();
        at_ = place::name;
        return true;
    }
    at_ = in_changes_ ? place::after_value : place::end;
    in_changes_ = false;
    return input_.expect('}');
}

void topology_reader::keep(std::string_view name, std::string_view text) {
    if (name == "uri") {
        uri_ = scalar(text).as_string().value_or("");
    } else if (name == "method") {
        method_ = scalar(text).as_string().value_or("");
    } else if (name == "proto") {
        read_.has_proto = true;
        read_.proto = scalar(text).as_uint64().value_or(1);
    } else if (name == "epoch") {
        read_.epoch = scalar(text).as_uint64();
    } else if (name == "rev") {
        read_.rev = scalar(text).as_uint64();
    } else if (name == "since") {
        read_.since = scalar(text).as_uint64();
    } else if (name == "part") {
        read_.part = scalar(text).as_uint64().value_or(0);
    } else if (name == "more") {
        read_.more = scalar(text).as_bool().value_or(false);
    }
}

result<topology_packet> read_topology(std::string_view frame) {
    topology_reader reader{frame};
    if (reader.step(std::numeric_limits<std::size_t>::max()) ==
        topology_reader::progress::malformed) {
        return reader.failure();
    }
    return reader.take();
}

} // namespace msd::core
