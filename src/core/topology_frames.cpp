// SPDX-License-Identifier: Apache-2.0
#include "core/topology_frames.hpp"

#include "base/json.hpp"
#include "wire/packet.hpp"

namespace msd::core {

namespace {

json::writer& begin(json::writer& writer) {
    writer.begin_object().key("uri").string(registry_uri);
    return writer.key("method").string("GET").key("key").integer(0);
}

json::writer& begin(json::writer& writer, revision now) {
    begin(writer).key("proto").integer(wire::protocol_version);
    return writer.key("epoch").unsigned_integer(now.epoch).key("rev").unsigned_integer(now.rev);
}

std::string array(std::string_view elements) {
    std::string text{"["};
    text += elements;
    text += ']';
    return text;
}

std::string framed(std::string_view object) {
    std::string frame;
    frame.reserve(object.size() + wire::terminator.size());
    wire::append_frame(frame, object);
    return frame;
}

} // namespace

std::string list_frame(std::string_view entries) {
    std::string frame = list_frame_begin();
    frame += entries;
    append_list_frame_end(frame);
    return frame;
}

std::string list_frame_begin() {
    std::string frame;
    json::writer writer{frame};
    begin(writer).key("params").begin_array();
    return frame;
}

void append_list_frame_end(std::string& frame) {
    frame += "]}";
    frame += wire::terminator;
}

std::string announcement_frame(revision now) {
    std::string object;
    json::writer writer{object};
    begin(writer, now).end_object();
    return framed(object);
}

std::string snapshot_frame(revision now, const snapshot_part& part) {
    std::string object;
    json::writer writer{object};
    begin(writer, now).key("part").unsigned_integer(part.index);
    writer.key("more").boolean(part.more).key("params").raw(array(part.entries)).end_object();
    return framed(object);
}

std::string changes_frame(revision now, const change_set& changes) {
    std::string object;
    json::writer writer{object};
    begin(writer, now).key("since").unsigned_integer(changes.since);
    writer.key("changes").begin_object().key("add").raw(array(changes.added));
    writer.key("remove").raw(array(changes.removed)).end_object().end_object();
    return framed(object);
}

} // namespace msd::core
