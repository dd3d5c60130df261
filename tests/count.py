# SPDX-License-Identifier: Apache-2.0
"""Counts the tests of a run of ctest, each test of a Google Test suite by itself.

usage: count.py REPORT SUITES

REPORT is the JUnit file of ctest; SUITES is the directory with the reports of the suites, one
NAME.xml for each entry of ctest that is a suite (cmake/discover_suites.cmake). The report of
a suite that did not run to its end is empty. Prints `N passed, N failed, N skipped`.
"""

import pathlib
import sys
import xml.etree.ElementTree as xml


def counts_of_suite(report):
    """(passed, failed, skipped): one failure when the suite did not run to its end."""
    try:
        tests = list(xml.parse(report).getroot().iter("testcase"))
    except (OSError, xml.ParseError):
        return 0, 1, 0
    failed = sum(test.find("failure") is not None for test in tests)
    skipped = sum(
        test.find("skipped") is not None or test.get("status") == "notrun" for test in tests
    )
    return len(tests) - failed - skipped, failed, skipped


def count(report, suites):
    passed = failed = skipped = 0
    for entry in xml.parse(report).getroot().iter("testcase"):
        suite_report = suites / (entry.get("name").replace("/", ".") + ".xml")
        is_good = entry.get("status") == "run"
        if entry.get("status") not in ("run", "fail"):
            skipped += 1
        elif not suite_report.exists():
            passed, failed = passed + is_good, failed + (not is_good)
        else:
            inside = counts_of_suite(suite_report)
            passed, failed, skipped = passed + inside[0], failed + inside[1], skipped + inside[2]
            # The process failed although its tests did not: a leak, for example.
            failed += not is_good and not inside[1]
    return passed, failed, skipped


if __name__ == "__main__":
    print("{} passed, {} failed, {} skipped".format(*count(sys.argv[1], pathlib.Path(sys.argv[2]))))
