// SPDX-License-Identifier: Apache-2.0
#include "gateway/cache/reply_store.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace msd::gateway {

void reply_store::set_wanted(bool wanted) {
    is_wanted_ = wanted;
    if (!wanted) {
        index_.clear();
        entries_.clear();
        bytes_ = 0;
    }
}

std::shared_ptr<const kept_reply> reply_store::find(std::string_view key) {
    const auto found = index_.find(key);
    if (found == index_.end()) {
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->reply;
}

void reply_store::put(std::string key, kept_reply reply) {
    remove(key);
    const std::size_t bytes = entry_overhead + key.size() + reply.type.size() + reply.body.size() +
                              reply.fields.held_bytes();
    if (!is_wanted_ || reply.body.size() > limits_.reply_bytes_max || bytes > limits_.bytes_max) {
        return;
    }
    make_room(bytes);
    entries_.push_front(
        {std::move(key), std::make_shared<const kept_reply>(std::move(reply)), bytes}
    );
    index_.emplace(entries_.front().key, entries_.begin());
    bytes_ += bytes;
}

void reply_store::remove(std::string_view key) {
    if (const auto found = index_.find(key); found != index_.end()) {
        erase(found->second);
    }
}

bool reply_store::grow(std::size_t before, std::size_t more) {
    if (!is_wanted_ || more > limits_.reply_bytes_max - std::min(before, limits_.reply_bytes_max) ||
        recording_ + more > limits_.bytes_max) {
        return false;
    }
    make_room(more);
    recording_ += more;
    return true;
}

void reply_store::erase(entries::iterator one) {
    bytes_ -= one->bytes;
    index_.erase(one->key);
    entries_.erase(one);
}

void reply_store::make_room(std::size_t bytes) {
    while (!entries_.empty() && bytes_ + recording_ + bytes > limits_.bytes_max) {
        erase(std::prev(entries_.end()));
    }
}

} // namespace msd::gateway
