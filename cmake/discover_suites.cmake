# SPDX-License-Identifier: Apache-2.0
# Included by ctest: adds one entry for each test suite of a Google Test program. With an entry for
# each test, starting the program would take longer than most tests do, and tests of one suite could
# not share a server. Reads: executable, prefix, directory, results, properties.

if(NOT EXISTS ${executable})
  add_test(${prefix}NOT_BUILT ${executable})
  return()
endif()
execute_process(
  COMMAND ${executable} --gtest_list_tests
  WORKING_DIRECTORY ${directory} OUTPUT_VARIABLE listed RESULT_VARIABLE result
)
if(NOT result EQUAL 0)
  add_test(${prefix}CANNOT_LIST_ITS_TESTS ${executable} --gtest_list_tests)
  return()
endif()
# A line that begins with a name and a dot is a suite; lines of tests are indented.
string(REGEX REPLACE "#[^\n]*" "" listed "${listed}")
string(REGEX MATCHALL "\n[A-Za-z0-9_/]+\\." suites "\n${listed}")
foreach(suite ${suites})
  string(REGEX REPLACE "[ .\n]" "" suite ${suite})
  string(REPLACE "/" "." file ${prefix}${suite})
  # Google Test replaces this report when the suite ends. tests/count.py counts a report that stays
  # empty as a failure: a test that calls exit(0) ends the process before the other tests run.
  if(NOT EXISTS ${results}/${file}.xml)
    file(WRITE ${results}/${file}.xml "")
  endif()
  add_test(
    ${prefix}${suite} ${executable} --gtest_filter=${suite}.*
    --gtest_output=xml:${results}/${file}.xml
  )
  set_tests_properties(
    ${prefix}${suite} PROPERTIES WORKING_DIRECTORY ${directory} ${properties}
  )
endforeach()
