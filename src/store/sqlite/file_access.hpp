// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which files SQLite opens and deletes. A database and the files beside it contain names of further
// files: a rollback journal that somebody has prepared names a super-journal, which SQLite deletes
// with the rights of the process that opens the database.
namespace msd::store::sqlite {

/// For all connections of the process: a file is opened only if its owner is the effective user or
/// root and other users can write neither to it nor to its directory; links are not followed.
/// Permissions of others to read it are removed when it is opened for writing, because whoever can
/// read it can lock it. Temporary files are created with O_EXCL. Deleted are only journals, logs
/// and super-journals in such a directory. The first call is made before the first connection.
void guard_files();

/// The file layer for connections that only read: it opens nothing for writing, creates and deletes
/// nothing. A journal of an interrupted transaction stays as it is.
[[nodiscard]] const char* reading_file_layer();

/// The file layer for other connections.
[[nodiscard]] const char* file_layer();

} // namespace msd::store::sqlite
