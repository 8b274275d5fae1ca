"""The 66 ways by which a value could leak, or a failure could open the gate, each by its number.

What holds a path is a case of `leak_replies.py` or `leak_requests.py` with its number, which
`test_leak_paths.py` plants in a running sidecar and looks for in every sink, or a test that is
named here. `test_leak_table.py` checks that each path is held, and that each named test exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class LeakPath:
    """One way. `tests` hold it, beside the cases that bear its number."""

    what: str
    tests: tuple[str, ...] = ()


def _path(what: str, *tests: str) -> LeakPath:
    return LeakPath(what, tests)


PATHS: Final[dict[int, LeakPath]] = {
    # ---- MCP messages
    1: _path("content[].text"),
    2: _path("text that is JSON, at one to three levels of escaping"),
    3: _path("structuredContent and its duplicate in text",
             "test_redaction_bypath.py::test_structured_content_and_its_duplicate_in_text_are_masked_alike"),
    4: _path("resource_link and embedded resources: uri, text, blob",
             "test_redaction.py::test_resources_prompts_and_samples_are_withheld_too"),
    5: _path("_meta and baggage"),
    6: _path("error.message and error.data"),
    7: _path("results with isError"),
    8: _path("progress, log and list_changed notifications",
             "test_streams.py::test_progress_arrives_event_by_event_and_masked"),
    9: _path("elicitation, sampling, requestState",
             "test_exits.py::test_a_result_that_asks_what_may_not_be_asked_is_refused_whole"),
    10: _path("descriptions, enums, examples, defaults and titles of tools/list",
              "test_survey.py::test_invariant_8_an_entry_that_says_something_new_is_not_shown"),
    11: _path("prompts, resources, completions",
              "test_exits.py::test_an_exit_that_the_site_names_passes_and_its_result_is_masked"),
    12: _path("batches, several events of one stream, resumed streams",
              "test_leak_paths.py::test_12_a_resumed_stream_shows_nothing",
              "test_exits.py::test_a_result_on_a_resumed_stream_is_masked_as_the_call_that_waits_for_it"),
    13: _path("numbers and booleans",
              "test_redaction_bypath.py::test_strings_stay_strings_and_numbers_and_booleans_become_null"),
    14: _path("object keys"),
    15: _path("null, array and scalar arguments"),
    16: _path("duplicate keys",
              "test_redaction_bypath.py::test_a_repeated_key_in_json_text_cannot_hide_a_value"),
    17: _path("deep nesting, a leaf of ten megabytes"),
    18: _path("pagination cursors that hold an address"),
    # ---- HTTP
    19: _path("Authorization: Bearer, Basic, lower case, two headers"),
    20: _path("Mcp-Param-* and Mcp-Name headers, plain and in base64"),
    21: _path("tokens and addresses in query, path, fragment and userinfo, percent-encoded",
              "test_redaction_scan.py::test_logs_are_scrubbed",
              "test_redaction_shortcuts.py::test_the_gate_of_logs_sees_what_no_recogniser_sees"),
    22: _path("Location, Set-Cookie, WWW-Authenticate"),
    23: _path("error pages of the sidecar and of the backend",
              "test_secrecy.py::test_invariant_4_no_error_of_ours_repeats_what_a_backend_said"),
    24: _path("Referer, User-Agent and what else a client says of itself",
              "test_secrecy.py::test_invariant_4_no_refusal_repeats_what_is_personal"),
    25: _path("proxied 409 bodies that name the other customer",
              "test_vendor_errors.py::test_a_record_inside_an_error_is_masked_by_its_paths_in_every_framing"),
    # ---- encodings
    26: _path("full-width letters, digits of other scripts, mathematical digits"),
    27: _path("homoglyphs and punycode"),
    28: _path("zero width, soft hyphens, no-break spaces, dashes"),
    29: _path("percent, twice too, entities, escapes, escaped slashes"),
    30: _path("base64, base64url, hex, JSON in them"),
    31: _path("spaced, over lines, spoken, (at) and [dot]"),
    32: _path("split over siblings, arrays, adjacent messages"),
    33: _path("glued to Han script or letters"),
    34: _path("borders of chunks, 1 to 64 bytes",
              "test_sse.py::test_any_bytes_read_the_same_in_one_piece_and_in_many"),
    35: _path("lone surrogates, invalid UTF-8, NUL, byte order marks"),
    # ---- entities
    36: _path("Mastercard 2-series, nineteen digits, Amex 4-6-5"),
    37: _path("IPv6 and IPv4 in it"),
    38: _path("foreign national numbers, with and without a word"),
    39: _path("PIN, one-time code and CVV by context in five languages"),
    40: _path("Basic, opaque token, JWT of two segments, JWE, b'…'"),
    41: _path("every occurrence of a repeated value",
              "test_redaction_recognisers.py::test_every_occurrence_is_found"),
    42: _path("a name of the profile repeated in the transcript"),
    # ---- what must survive
    43: _path("ids, trace ids, orders, EANs, times, prices, versions, Luhn-bad cards",
              "test_leak_paths.py::test_43_what_only_looks_personal_survives",
              "test_redaction_recognisers.py::test_look_alikes_survive"),
    44: _path("the reply stays valid JSON, and valid against outputSchema",
              "test_catalog_calls.py::test_a_call_passes_and_its_answer_fits_the_schema_masked_or_not"),
    45: _path("audit redaction does not change the live reply, nor the other way round",
              "test_redaction_bypath.py::test_what_was_passed_in_is_not_changed",
              "test_redaction_scan.py::test_a_record_of_arguments_withholds_findings_and_free_text"),
    46: _path("redaction is idempotent; pseudonyms are stable",
              "test_redaction_properties.py::test_masking_is_idempotent",
              "test_redaction_pseudonyms.py::test_masking_what_holds_tokens_changes_nothing",
              "test_redaction_pseudonyms.py::test_tokens_of_other_entities_and_keys_say_nothing_of_each_other"),
    # ---- the process
    47: _path("tracebacks: body, locals, chains, groups, notes",
              "test_log_libraries.py::test_a_traceback_tells_the_type_and_place_and_no_word_of_the_data",
              "test_log.py::test_a_traceback_with_its_causes_leaves_scrubbed_and_without_locals"),
    48: _path("unhandled tasks, warnings, excepthooks, faulthandler",
              "test_log_libraries.py::test_what_asyncio_shows_of_tasks_and_callbacks_is_left_out",
              "test_log_libraries.py::test_a_process_that_dies_says_nothing_personal_and_leaves_no_core",
              "test_log.py::test_an_error_in_a_finalizer_leaves_scrubbed"),
    49: _path("errors of pydantic, of the HTTP client and of JSON",
              "test_log_libraries.py::test_a_traceback_tells_the_type_and_place_and_no_word_of_the_data"),
    50: _path("level debug for uvicorn, httpx2, httpcore2, mcp",
              "test_log_libraries.py::test_at_level_debug_the_clients_show_no_url_no_header_and_no_credential",
              "test_log.py::test_loggers_that_show_whole_messages_stay_at_warning"),
    51: _path("spans of OpenTelemetry; labels of metrics",
              "test_secrecy.py::test_invariant_4_no_metric_names_a_tool_a_caller_or_a_customer",
              "test_telemetry.py::test_invariant_4_a_span_holds_nothing_that_a_caller_or_backend_chose"),
    52: _path("loggers made later, children, propagate=False, a reset by uvicorn.Config",
              "test_log_libraries.py::test_a_server_that_configures_logging_itself_changes_nothing",
              "test_log_libraries.py::test_a_configuration_of_the_root_logger_changes_nothing",
              "test_log_libraries.py::test_a_logger_made_later_with_a_handler_of_its_own_is_covered"),
    53: _path("print, and the purity of standard output",
              "test_leak_paths.py::test_53_a_sidecar_that_serves_prints_nothing_on_standard_output",
              "test_stdio.py::test_a_stateless_call_is_mirrored_in_headers_and_answered_on_one_line"),
    54: _path("dumps of the configuration, --help, arguments and environment of the process",
              "test_leak_paths.py::test_54_no_command_shows_a_secret"),
    55: _path("/metrics, /readyz, admin pages",
              "test_secrecy.py::test_invariant_4_no_metric_names_a_tool_a_caller_or_a_customer",
              "test_admin.py::test_readiness_and_metrics_count_the_tools_that_changed_and_name_none"),
    56: _path("Rego's input in decision logs and in print",
              "test_leak_policy.py::test_opa_keeps_what_was_asked_out_of_its_decision_log",
              "test_leak_policy.py::test_what_a_rule_prints_in_process_goes_nowhere"),
    57: _path("core dumps, temporary files, torn files",
              "test_dumps.py::test_a_process_that_is_killed_by_a_fault_leaves_no_core",
              "test_dumps.py::test_a_sidecar_that_serves_dumps_nothing",
              "test_leak_paths.py::test_57_what_a_sidecar_leaves_on_disk_is_for_its_owner_alone",
              "test_audit_writer.py::test_a_torn_last_line_is_moved_out_unchanged_and_told_of"),
    # ---- failures that must not open anything
    58: _path("a redactor that raises, times out or meets its cap",
              "test_redaction.py::test_what_cannot_be_scanned_is_refused",
              "test_redaction.py::test_what_masking_left_blocks_the_result",
              "test_redaction_bounds.py::test_too_large_a_result_is_refused_and_one_just_as_large_is_not"),
    59: _path("an audit log that cannot be written",
              "test_audit_failures.py::test_a_full_device_refuses_the_message_and_every_later_one",
              "test_audit_failures.py::test_a_pipe_that_nobody_reads_refuses_instead_of_hanging",
              "test_audit_failures.py::test_a_log_that_somebody_meddles_with_is_not_written_further",
              "test_audit_failures.py::test_short_writes_are_continued",
              "test_audit_crash.py::test_a_kill_between_intent_and_outcome_leaves_an_open_intent"),
    60: _path("a full queue holds back, and loses nothing",
              "test_audit_writer.py::test_the_buffer_is_written_before_it_grows_without_bound"),
    61: _path("a clock that steps back, two writers on one log",
              "test_audit_writer.py::test_a_clock_that_steps_back_breaks_no_chain_and_is_counted",
              "test_audit_crash.py::test_another_process_cannot_write_the_same_log"),
    62: _path("each row of the table of tampering",
              "test_audit_verification.py::test_a_cut_tail_is_found_only_with_an_anchor",
              "test_audit_verification.py::test_a_history_written_anew_is_found_only_with_an_anchor",
              "test_audit_verification.py::test_removed_swapped_and_repeated_records_are_found"),
    63: _path("rotation keeps the chain; a missing file is found",
              "test_audit_segments.py::test_a_crash_at_any_step_of_a_rotation_is_continued",
              "test_audit_folder.py::test_a_segment_removed_from_the_middle_is_found"),
    64: _path("a flood of refusals is counted in one record",
              "test_invariants.py::test_invariant_3_a_flood_of_strangers_is_counted_not_lost",
              "test_review.py::test_a_flood_of_what_the_edge_refuses_is_counted_too"),
    65: _path("hostile text for the recognisers",
              "test_redaction_properties.py::test_hostile_text_takes_no_time"),
    66: _path("formulas and markup through names, user agents, claims and errors",
              "test_audit_table.py::test_a_strangers_words_do_not_become_markup",
              "test_audit_table.py::test_a_strangers_words_do_not_steer_a_terminal",
              "test_audit_looks.py::test_no_cell_of_a_sheet_is_a_formula"),
}  # fmt: skip
"""By number. Messages 1 to 18, HTTP 19 to 25, encodings 26 to 35, entities 36 to 42, what must
survive 43 to 46, the process 47 to 57, failures 58 to 66."""
