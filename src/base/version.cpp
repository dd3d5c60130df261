// SPDX-License-Identifier: Apache-2.0
#include "base/version.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <elf.h>
#include <link.h>
#include <span>

namespace msd {

namespace {

constexpr std::string_view sanitizers = MSD_SANITIZE;

#if defined(__clang__)
constexpr std::string_view facts_plain = "clang " __clang_version__ ", " MSD_BUILD_TYPE;
constexpr std::string_view facts_sanitized =
    "clang " __clang_version__ ", " MSD_BUILD_TYPE ", sanitizers " MSD_SANITIZE;
#else
constexpr std::string_view facts_plain = "gcc " __VERSION__ ", " MSD_BUILD_TYPE;
constexpr std::string_view facts_sanitized =
    "gcc " __VERSION__ ", " MSD_BUILD_TYPE ", sanitizers " MSD_SANITIZE;
#endif

constexpr std::string_view id_owner{"GNU\0", 4};
constexpr std::size_t id_bytes = 4; // enough to distinguish builds

std::size_t padded(std::size_t size) {
    return (size + 3) / 4 * 4;
}

// The build ID among the notes of a segment: each is three numbers, an owner's name and its bytes.
std::span<const std::byte> build_id_of(std::span<const std::byte> notes) {
    ElfW(Nhdr) header{};
    while (notes.size() >= sizeof header) {
        std::memcpy(&header, notes.data(), sizeof header);
        notes = notes.subspan(sizeof header);
        const std::size_t name = padded(header.n_namesz);
        const std::size_t bytes = padded(header.n_descsz);
        if (notes.size() < name || notes.size() - name < bytes) {
            break;
        }
        const bool is_id = header.n_type == NT_GNU_BUILD_ID && header.n_namesz == id_owner.size() &&
                           std::memcmp(notes.data(), id_owner.data(), id_owner.size()) == 0;
        if (is_id) {
            return notes.subspan(name, header.n_descsz);
        }
        notes = notes.subspan(name + bytes);
    }
    return {};
}

// Reads the build ID of the first object that the dynamic linker lists, which is the program.
int read_build_id(dl_phdr_info* object, std::size_t /*size*/, void* into) {
    for (const auto& segment : std::span{object->dlpi_phdr, object->dlpi_phnum}) {
        if (segment.p_type != PT_NOTE) {
            continue;
        }
        const std::uintptr_t at = object->dlpi_addr + segment.p_vaddr;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the linker reports the address as a number
        const auto* const begin = reinterpret_cast<const std::byte*>(at);
        const auto id = build_id_of({begin, segment.p_memsz});
        if (id.size() >= id_bytes) {
            for (const std::byte each : id.first(id_bytes)) {
                *static_cast<std::string*>(into) +=
                    fmt::format("{:02x}", std::to_integer<int>(each));
            }
            break;
        }
    }
    return 1;
}

} // namespace

std::string_view version() {
    return MSD_VERSION;
}

std::string_view build_facts() {
    return sanitizers.empty() ? facts_plain : facts_sanitized;
}

std::string build_name() {
    std::string id;
    dl_iterate_phdr(read_build_id, &id);
    return id.empty() ? std::string{version()} : fmt::format("{}+{}", version(), id);
}

} // namespace msd
