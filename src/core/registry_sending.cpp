// SPDX-License-Identifier: Apache-2.0
// What a registry sends: which packets are made, for whom, and how much at once. A list may have
// 15 MiB, the descriptions for msd nodes 64 MiB, and there may be thousands of receivers. So each
// call of advance() does a bounded amount of work, and the rest with the next calls. Meanwhile a
// receiver that waits is not sent more: it is sent the newest state when its turn comes.
#include "core/registry.hpp"

#include <algorithm>
#include <utility>

namespace msd::core {

namespace {

// Of one call of advance(): bytes that are copied or sent; other work counts as bytes that take as
// long. A few milliseconds.
constexpr std::size_t work_max = 8u << 20;
constexpr std::size_t work_of_receiver = 1024;
constexpr std::size_t work_of_node = 128;

constexpr std::size_t parts_at_once_max = 4;        // of a snapshot, before others have their turn
constexpr std::size_t part_nodes_max = 4096;        // examined for one part
constexpr std::size_t changes_bytes_max = 4u << 20; // of one packet; a snapshot is sent instead
constexpr std::size_t packets_kept_max = 1024;

// After everything was sent to all receivers, the next change or list waits for as long as a
// connection of this rate would have taken: so no rate of changes keeps the worker busy.
constexpr std::size_t list_bytes_per_ms = 1'000'000;
constexpr std::size_t change_bytes_per_ms = 4'000'000; // msd nodes are to know changes soon
constexpr milliseconds pause_max{1000};

milliseconds pause_after(std::size_t bytes, std::size_t bytes_per_ms) {
    return std::min(pause_max, milliseconds{static_cast<long>(bytes / bytes_per_ms)});
}

} // namespace

std::vector<registry::delivery> registry::advance(time_point now, const room_check& has_room) {
    work_left_ = work_max;
    nodes_.expire(now);
    note_changes(now);
    if (changes_due_ <= now) {
        queue_changes();
    } else if (new_subscriber_ && subscribers_.contains(*new_subscriber_)) {
        static_cast<void>(send_to(*new_subscriber_, has_room));
    }
    new_subscriber_.reset();
    send_changes(now, has_room);
    if (list_due_ <= now && lists_resume_ <= now && !making_ && list_queue_.empty()) {
        begin_list();
    }
    make_list();
    send_lists(now, has_room);
    acknowledge();
    return std::exchange(outbox_, {});
}

void registry::spend(std::size_t work) {
    work_left_ -= std::min(work_left_, work);
}

void registry::queue(peer_id to, frame what) {
    spend(work_of_receiver);
    outbox_.push_back({to, std::move(what)});
}

bool registry::can_take(peer_id id, std::size_t bytes, const room_check& has_room) {
    if (!has_room(id, bytes)) {
        peers_.at(id).is_lagging = true;
        return false;
    }
    return true;
}

bool registry::is_up_to_date(const connection& subscriber) const {
    return !subscriber.needs_snapshot && subscriber.snapshot.next == 0 &&
           subscriber.knows == nodes_.log_end();
}

void registry::queue_changes() {
    changes_due_ = time_point::max();
    queued_ = nodes_.log_end();
    for (const peer_id id : subscribers_) {
        const connection& subscriber = peers_.at(id);
        if (!subscriber.is_lagging && !is_up_to_date(subscriber)) {
            changes_queue_.push(id);
        }
    }
    changes_queue_.mark(queued_);
}

void registry::send_changes(time_point now, const room_check& has_room) {
    while (!changes_queue_.empty() && work_left_ > 0) {
        if (send_to(changes_queue_.pop(), has_room)) {
            last_sent_ = now;
        }
    }
    sent_ = changes_queue_.take_reached().value_or(sent_);
    if (changes_queue_.empty()) {
        made_changes_.clear();
        if (sent_bytes_ > 0) {
            changes_pause_ = pause_after(std::exchange(sent_bytes_, 0), change_bytes_per_ms);
        }
    }
}

// Queues what a subscriber does not know yet. Returns whether there was anything.
bool registry::send_to(peer_id id, const room_check& has_room) {
    const auto found = peers_.find(id);
    if (found == peers_.end() || !subscribers_.contains(id) || found->second.is_lagging ||
        is_up_to_date(found->second)) {
        return false;
    }
    const connection& subscriber = found->second;
    drop_outdated_packets();
    const bool is_in_snapshot = subscriber.needs_snapshot || subscriber.snapshot.next != 0;
    if (is_in_snapshot || !nodes_.reaches(subscriber.knows)) {
        return send_snapshot_to(id, has_room);
    }
    return send_changes_to(id, has_room);
}

// Sends nothing to a subscriber that is not interested in any of the changes: its next changes
// follow the revision of its last packet.
bool registry::send_changes_to(peer_id id, const room_check& has_room) {
    connection& subscriber = peers_.at(id);
    const made_change made =
        changes_for({subscriber.knows, subscriber.sent_rev, subscriber.interest});
    if (made.is_too_large) {
        subscriber.needs_snapshot = true;
        return send_snapshot_to(id, has_room);
    }
    if (made.what && !can_take(id, made.what->size(), has_room)) {
        return false;
    }
    subscriber.knows = nodes_.log_end();
    if (!made.what) {
        return false;
    }
    subscriber.sent_rev = nodes_.now().rev;
    sent_bytes_ += made.what->size();
    queue(id, made.what);
    return true;
}

// Packets are made for one position of the log, which determines what msd nodes see.
void registry::drop_outdated_packets() {
    if (std::exchange(made_at_, nodes_.log_end()) != nodes_.log_end()) {
        made_changes_.clear();
        made_parts_.clear();
    }
}

const registry::made_change& registry::changes_for(const need& wanted) {
    if (const auto ready = made_changes_.find(wanted); ready != made_changes_.end()) {
        return ready->second;
    }
    if (made_changes_.size() >= packets_kept_max) {
        made_changes_.clear();
    }
    made_change& made = made_changes_[wanted];
    const auto changes = nodes_.changes_since(wanted.since, wanted.interest, changes_bytes_max);
    spend(work_of_node * static_cast<std::size_t>(nodes_.log_end() - wanted.since));
    made.is_too_large = !changes;
    if (changes && (!changes->added.empty() || !changes->removed.empty())) {
        const change_set set{wanted.sent_rev, changes->added, changes->removed};
        made.what = std::make_shared<const std::string>(changes_frame(nodes_.now(), set));
        spend(made.what->size());
    }
    return made;
}

void registry::begin_snapshot(connection& subscriber) {
    subscriber.needs_snapshot = false;
    subscriber.snapshot = {1, 0, nodes_.now().rev, nodes_.log_end()};
}

// Some parts; the subscriber is queued again when there are more.
bool registry::send_snapshot_to(peer_id id, const room_check& has_room) {
    connection& subscriber = peers_.at(id);
    snapshot_progress& progress = subscriber.snapshot;
    if (subscriber.needs_snapshot || progress.next == 0) {
        begin_snapshot(subscriber);
    }
    bool has_sent = false;
    for (std::size_t parts = 0; parts < parts_at_once_max && work_left_ > 0; ++parts) {
        const auto [what, next] =
            part_for({progress.next, progress.index, progress.rev, subscriber.interest});
        if (!can_take(id, what->size(), has_room)) {
            return has_sent;
        }
        sent_bytes_ += what->size();
        queue(id, what);
        has_sent = true;
        ++progress.index;
        progress.next = next;
        if (next == 0) {
            subscriber.knows = progress.knows;
            subscriber.sent_rev = progress.rev;
            break;
        }
    }
    if (!is_up_to_date(subscriber)) {
        changes_queue_.push(id);
    }
    return has_sent;
}

// A part, and where the next one begins.
std::pair<registry::frame, node_list::place> registry::part_for(const part_need& wanted) {
    // The members around the entries of a part take less than this.
    constexpr std::size_t envelope_bytes_max = 256;
    if (const auto ready = made_parts_.find(wanted); ready != made_parts_.end()) {
        if (frame ready_made = ready->second.what.lock()) {
            return {std::move(ready_made), ready->second.next};
        }
    }
    if (made_parts_.size() >= packets_kept_max) {
        made_parts_.clear();
    }
    const node_list::part entries = nodes_.msd_part(
        wanted.from,
        wanted.interest,
        snapshot_part_bytes_max - envelope_bytes_max,
        part_nodes_max
    );
    const snapshot_part part{entries.entries, wanted.index, entries.next != 0};
    const revision of{nodes_.now().epoch, wanted.rev};
    auto what = std::make_shared<const std::string>(snapshot_frame(of, part));
    spend(what->size() + work_of_node * entries.examined);
    made_parts_[wanted] = {what, entries.next};
    return {std::move(what), entries.next};
}

void registry::begin_list() {
    list_due_ = time_point::max();
    making_ = std::make_unique<list_making>();
    list_making& made = *making_;
    made.nodes = nodes_.foreign_nodes();
    made.foreign_change = nodes_.foreign_changes();
    made.frame = list_frame_begin();
    std::size_t bytes = made.frame.size();
    for (const node_claims::text& node : made.nodes) {
        bytes += node->foreign.size() + 1;
    }
    made.frame.reserve(bytes + list_frame("").size());
    spend(work_of_node * made.nodes.size());
}

// Sent even when it is the same as before: see node_list::foreign_changes().
void registry::make_list() {
    if (!making_) {
        return;
    }
    list_making& made = *making_;
    for (; made.next < made.nodes.size(); ++made.next) {
        if (work_left_ == 0) {
            return;
        }
        made.frame += made.next == 0 ? "" : ",";
        made.frame += made.nodes[made.next]->foreign;
        spend(made.nodes[made.next]->foreign.size());
    }
    append_list_frame_end(made.frame);
    last_list_ = std::make_shared<const std::string>(std::move(made.frame));
    list_bytes_ += last_list_->size(); // making it takes time even if nobody is sent it
    list_change_ = made.foreign_change;
    making_.reset();
    for (const auto& [id, each] : peers_) {
        if (is_sent_lists(each)) {
            list_queue_.push(id);
        }
    }
    list_queue_.mark(list_change_);
}

bool registry::is_sent_lists(const connection& each) const {
    const bool is_short = last_list_->size() <= settings_.list_at_accept_bytes_max;
    return each.is_admitted && !each.is_msd && !each.is_lagging && (each.has_sent || is_short);
}

void registry::send_lists(time_point now, const room_check& has_room) {
    while (!list_queue_.empty() && work_left_ > 0) {
        const peer_id id = list_queue_.pop();
        const auto found = peers_.find(id);
        if (found == peers_.end() || !is_sent_lists(found->second) ||
            !can_take(id, last_list_->size(), has_room)) {
            continue;
        }
        found->second.was_sent_list = true;
        list_bytes_ += last_list_->size();
        spend(last_list_->size());
        queue(id, last_list_);
    }
    sent_foreign_ = list_queue_.take_reached().value_or(sent_foreign_);
    if (list_queue_.empty() && list_bytes_ > 0) {
        lists_resume_ = now + pause_after(std::exchange(list_bytes_, 0), list_bytes_per_ms);
    }
}

} // namespace msd::core
