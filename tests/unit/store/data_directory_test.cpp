// SPDX-License-Identifier: Apache-2.0
#include "store/data_directory.hpp"

#include <linux/magic.h>

#include <gtest/gtest.h>

namespace msd::store {
namespace {

TEST(network_file_system, are_recognized) {
    EXPECT_EQ(network_file_system(NFS_SUPER_MAGIC), "nfs");
    EXPECT_EQ(network_file_system(SMB_SUPER_MAGIC), "smb");
    EXPECT_EQ(network_file_system(0xFE534D42), "smb2");
    EXPECT_EQ(network_file_system(0xFF534D42), "cifs");
    EXPECT_EQ(network_file_system(0x65735546), "fuse");
}

TEST(network_file_system, do_not_include_local_ones) {
    EXPECT_EQ(network_file_system(EXT4_SUPER_MAGIC), "");
    EXPECT_EQ(network_file_system(XFS_SUPER_MAGIC), "");
    EXPECT_EQ(network_file_system(BTRFS_SUPER_MAGIC), "");
    EXPECT_EQ(network_file_system(TMPFS_MAGIC), "");
    EXPECT_EQ(network_file_system(OVERLAYFS_SUPER_MAGIC), "");
}

} // namespace
} // namespace msd::store
