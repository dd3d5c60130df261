// SPDX-License-Identifier: Apache-2.0
#include "core/registry_handover.hpp"

#include "base/binary.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace msd::core {

namespace {

constexpr std::string_view magic = "msd registry";
constexpr std::size_t connections_max = std::size_t{4} * nodes_max;
constexpr std::size_t texts_max = std::size_t{1} << 24;
constexpr std::size_t unread_bytes_max = 32u << 20; // a packet and the bytes read after it
constexpr std::size_t proof_bytes_max = 4096;
constexpr std::uint64_t count_max = 1'000'000; // of frames and pings; they are counted on

using text_table = std::vector<std::shared_ptr<const std::string>>;

// Every distinct text, once. Texts without an owner are not shared and not looked up.
class text_list {
public:
    std::size_t place_of(const shared_bytes& piece) {
        bytes_ += piece.bytes.size();
        if (piece.owner == nullptr) {
            texts_.push_back(piece.bytes);
            return texts_.size() - 1;
        }
        // A queue may have sent the beginning of a text already; its rest is stored as another
        // text.
        const auto key = std::pair{piece.bytes.data(), piece.bytes.size()};
        const auto [found, is_new] = places_.emplace(key, texts_.size());
        if (is_new) {
            texts_.push_back(piece.bytes);
        } else {
            bytes_ -= piece.bytes.size();
        }
        return found->second;
    }

    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    void write(binary_writer& out) const {
        out.number(texts_.size());
        for (const std::string_view text : texts_) {
            out.text(text);
        }
    }

private:
    std::map<std::pair<const char*, std::size_t>, std::size_t> places_;
    std::vector<std::string_view> texts_;
    std::size_t bytes_ = 0;
};

void write_connection(binary_writer& out, const carried_connection& each, text_list& texts) {
    out.number(each.id);
    out.number(static_cast<std::uint64_t>(each.bad_frames));
    out.number(static_cast<std::uint64_t>(each.unanswered_pings));
    out.time(each.frame_until).time(each.ended_until).text(each.unread);
    out.text(each.proof);
    out.number(each.unsent.size());
    for (const shared_bytes& piece : each.unsent) {
        out.number(texts.place_of(piece));
    }
}

carried_connection read_connection(binary_reader& in, const text_table& texts) {
    carried_connection each;
    each.id = in.number();
    each.bad_frames = static_cast<int>(in.number(count_max));
    each.unanswered_pings = static_cast<int>(in.number(count_max));
    each.frame_until = in.time();
    each.ended_until = in.time();
    each.unread = in.text(unread_bytes_max);
    each.proof = in.text(proof_bytes_max);
    for (std::size_t left = in.count(texts_max); left > 0 && !in.failed(); --left) {
        const std::uint64_t place = in.number();
        if (place >= texts.size()) {
            in.refuse();
            break;
        }
        each.unsent.push_back({texts[place], *texts[place]});
    }
    return each;
}

text_table read_texts(binary_reader& in) {
    text_table texts;
    for (std::size_t left = in.count(texts_max); left > 0 && !in.failed(); --left) {
        texts.push_back(std::make_shared<const std::string>(in.text(handover_bytes_max)));
    }
    return texts;
}

} // namespace

result<std::string>
write_handover(const registry& state, std::span<const carried_connection> connections) {
    text_list texts;
    std::string body;
    binary_writer out{body};
    const std::string& last_list = *state.last_list();
    out.number(texts.place_of({state.last_list(), last_list}));
    out.number(connections.size());
    for (const carried_connection& each : connections) {
        write_connection(out, each, texts);
    }
    state.write(out);
    if (body.size() + texts.bytes() > handover_bytes_max) {
        return fail(errc::too_large, "the unsent data is too large to be handed over");
    }
    std::string bytes;
    bytes.reserve(body.size() + texts.bytes() + std::size_t{64} * 1024);
    binary_writer all{bytes};
    all.text(magic).number(handover_version);
    texts.write(all);
    bytes += body;
    return bytes;
}

result<registry_handover> read_handover(std::string_view bytes, const registry_settings& settings) {
    binary_reader in{bytes};
    if (in.text(magic.size()) != magic) {
        return fail(errc::malformed, "the received bytes are not the state of a registry");
    }
    if (const std::uint64_t version = in.number(); version != handover_version) {
        return fail(
            errc::invalid,
            "the state of the registry has version " + std::to_string(version) + ", not " +
                std::to_string(handover_version)
        );
    }
    const text_table texts = read_texts(in);
    const std::uint64_t list = in.number();
    if (list >= texts.size()) {
        return fail(errc::malformed, "the state of the registry contains no list");
    }
    std::vector<carried_connection> connections;
    for (std::size_t left = in.count(connections_max); left > 0 && !in.failed(); --left) {
        connections.push_back(read_connection(in, texts));
    }
    auto state = registry::read(in, settings, texts[list]);
    if (!state) {
        return tl::unexpected{std::move(state.error())};
    }
    std::vector<registry::peer_id> ids;
    ids.reserve(connections.size());
    for (const carried_connection& each : connections) {
        ids.push_back(each.id);
    }
    std::sort(ids.begin(), ids.end());
    if (!in.is_complete() || ids != state->peer_ids()) {
        return fail(errc::malformed, "the state of the registry is malformed");
    }
    return registry_handover{std::move(*state), std::move(connections)};
}

} // namespace msd::core
