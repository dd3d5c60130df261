// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/failure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace msd::store::mysql {

namespace {

struct entry {
    int code;
    failure_kind kind;
};

// The server's numbers ER_… (1000 and above, including those of MySQL 8) and the client's numbers
// CR_… (2000 to 2999), sorted.
constexpr entry entries[] = {
    {1020, failure_kind::again},       // record has changed since last read
    {1021, failure_kind::no_space},    // disk full
    {1022, failure_kind::conflict},    // duplicate key
    {1026, failure_kind::no_space},    // error writing file
    {1030, failure_kind::no_space},    // error from the storage engine
    {1037, failure_kind::no_space},    // out of memory
    {1040, failure_kind::full},        // too many connections
    {1041, failure_kind::no_space},    // out of resources
    {1042, failure_kind::unreachable}, // bad host
    {1043, failure_kind::unreachable}, // handshake
    {1044, failure_kind::denied},      // access to the database
    {1045, failure_kind::denied},      // access
    {1046, failure_kind::denied},      // no database
    {1047, failure_kind::again},       // a node of a cluster that is not ready
    {1049, failure_kind::denied},      // unknown database
    {1053, failure_kind::lost},        // server shutdown
    {1062, failure_kind::conflict},    // duplicate entry
    {1077, failure_kind::lost},        // normal shutdown
    {1079, failure_kind::lost},        // shutdown complete
    {1114, failure_kind::no_space},    // table is full
    {1129, failure_kind::unreachable}, // host is blocked
    {1130, failure_kind::denied},      // host is not allowed
    {1142, failure_kind::denied},      // command denied on a table
    {1143, failure_kind::denied},      // … on a column
    {1152, failure_kind::lost},        // aborting connection
    {1158, failure_kind::lost},        // reading packets
    {1159, failure_kind::lost},        // … timed out
    {1160, failure_kind::lost},        // writing packets
    {1161, failure_kind::lost},        // … timed out
    {1180, failure_kind::lost},        // while committing
    {1184, failure_kind::lost},        // aborting connection
    {1203, failure_kind::full},        // connections of one user
    {1205, failure_kind::again},       // lock wait timeout
    {1213, failure_kind::again},       // deadlock, or a conflict within a cluster
    {1226, failure_kind::full},        // a limit of one user
    {1227, failure_kind::denied},      // a privilege is missing
    {1243, failure_kind::lost},        // unknown prepared statement
    {1251, failure_kind::denied},      // authentication protocol
    {1264, failure_kind::unfit},       // number out of range
    {1267, failure_kind::unfit},       // characters that the compared column's set does not have
    {1275, failure_kind::denied},      // old password
    {1290, failure_kind::read_only},   // --read-only
    {1317, failure_kind::too_slow},    // query was interrupted
    {1366, failure_kind::unfit},       // characters that the column's set does not have
    {1370, failure_kind::denied},      // command on a routine
    {1406, failure_kind::unfit},       // too long
    {1524, failure_kind::denied},      // authentication plugin
    {1586, failure_kind::conflict},    // duplicate entry in a named key
    {1615, failure_kind::lost},        // statement must be prepared again
    {1698, failure_kind::denied},      // access, no password
    {1792, failure_kind::read_only},   // read-only transaction
    {1820, failure_kind::denied},      // password must be changed
    {1836, failure_kind::read_only},   // read-only mode
    {1862, failure_kind::denied},      // password has expired
    {1874, failure_kind::read_only},   // InnoDB is read-only
    {1927, failure_kind::lost},        // connection was killed
    {1969, failure_kind::too_slow},    // max_statement_time
    {2002, failure_kind::unreachable}, // cannot connect (socket, or timed out)
    {2003, failure_kind::unreachable}, // cannot connect (TCP)
    {2004, failure_kind::unreachable}, // cannot create a socket
    {2005, failure_kind::unreachable}, // unknown host
    {2006, failure_kind::lost},        // server has gone away
    {2009, failure_kind::unreachable}, // wrong host info
    {2012, failure_kind::unreachable}, // handshake
    {2013, failure_kind::lost},        // lost connection during query
    {2014, failure_kind::lost},        // commands out of sync
    {2026, failure_kind::unreachable}, // TLS
    {2027, failure_kind::lost},        // malformed packet
    {2055, failure_kind::lost},        // lost connection
    {2059, failure_kind::denied},      // authentication plugin of the client
    {3024, failure_kind::too_slow},    // max_execution_time
    {4031, failure_kind::lost},        // idle for too long
};
static_assert(std::ranges::is_sorted(entries, {}, &entry::code));

std::string_view text_of(failure_kind kind) {
    switch (kind) {
    case failure_kind::conflict:
        return "the row exists already";
    case failure_kind::again:
        return "the transaction was aborted because of a conflict with another one";
    case failure_kind::lost:
        return "the connection was lost";
    case failure_kind::full:
        return "the server has no free connection";
    case failure_kind::unreachable:
        return "the server cannot be reached";
    case failure_kind::denied:
        return "the server denies access";
    case failure_kind::read_only:
        return "the server is read-only";
    case failure_kind::no_space:
        return "the server is out of space";
    case failure_kind::too_slow:
        return "the server took too long";
    case failure_kind::unfit:
        return "a value does not fit its column";
    case failure_kind::internal:
        break;
    }
    return "a statement failed";
}

} // namespace

failure_kind kind_of(int code) {
    const auto* const found = std::ranges::lower_bound(entries, code, {}, &entry::code);
    return found != std::end(entries) && found->code == code ? found->kind : failure_kind::internal;
}

error error_of(failure what) {
    errc code = errc::unavailable;
    if (what.kind == failure_kind::conflict) {
        code = errc::conflict;
    } else if (what.kind == failure_kind::unfit) {
        code = errc::malformed;
    } else if (what.kind == failure_kind::internal) {
        code = errc::internal;
    }
    std::string text{text_of(what.kind)};
    if (what.code == 2026) {
        text += ": the TLS handshake failed, because the server's certificate is not accepted or "
                "it offers no TLS";
    }
    if (what.code != 0) {
        text += fmt::format(" (MySQL error {})", what.code);
    }
    return {code, std::move(text)};
}

} // namespace msd::store::mysql
