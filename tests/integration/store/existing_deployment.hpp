// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace msd::test {

// The tables of an existing deployment, in the default character set of their time, with rows as
// its nodes write them.
inline constexpr auto existing_deployment = R"(
DROP DATABASE msd; CREATE DATABASE msd CHARACTER SET latin1; USE msd; SET NAMES utf8mb4;
CREATE TABLE goods(id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(128) NOT NULL,
    category VARCHAR(128) NOT NULL, price INT NOT NULL, description TEXT) ENGINE=MyISAM;
CREATE TABLE members(id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    username VARCHAR(128) NOT NULL UNIQUE, password VARCHAR(256) NOT NULL) CHARACTER SET utf8;
CREATE TABLE purchases(id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, userid INT NOT NULL,
    goodsid INT NOT NULL, date DATETIME DEFAULT CURRENT_TIMESTAMP);
INSERT INTO goods(name, category, price, description) VALUES
    ('café', 'drinks', 3, 'x'), ('gone', 'y', 1, NULL), ('dear', 'y', 2147483647, '');
DELETE FROM goods WHERE id = 2;
INSERT INTO members(username, password) VALUES ('연필', PASSWORD('secret')),
    ('old', '5d2e19393cc5ef67');
INSERT INTO purchases(userid, goodsid, date) VALUES (1, 1, '2020-07-01 12:00:00'),
    (1, 3, '2020-01-01 00:30:00'), (1, 3, '0000-00-00 00:00:00'), (1, 3, NULL);
)";

} // namespace msd::test
