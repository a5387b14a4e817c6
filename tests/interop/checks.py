"""Checks of our own for schemathesis, over every answer that it gets."""

from __future__ import annotations

import schemathesis
from schemathesis import Case, CheckContext, GenerationMode, Response

RULES = {"expiry_invalid", "lifetimes_invalid", "token_mismatch", "batch_refused"}
"""Codes of what a schema cannot say: see `positive_data_acceptance` in schemathesis.toml."""

LOOSE_FIELDS = {
    *("cursor", "ordering", "id", "user", "name", "actor", "search", "allowedOrigins"),
    "If-Match",  # its pattern says all, but schemathesis sends 0 for it
}
"""Fields of which a schema says less than their rule: control characters, origins, cursors."""


@schemathesis.check
def an_answer_is_never_stored_sniffed_or_elsewhere(
    context: CheckContext, response: Response, case: Case
) -> None:
    headers = {name.lower(): values for name, values in response.headers.items()}
    assert headers["cache-control"] == ["no-store"]
    assert headers["x-content-type-options"] == ["nosniff"]
    assert headers.keys().isdisjoint({"set-cookie", "location"})


@schemathesis.check
def an_error_says_in_json_what_to_do(context: CheckContext, response: Response, case: Case) -> None:
    if response.status_code < 400 or case.method == "HEAD" or case.operation.path == "/verify":
        return  # nobody reads a body of /verify
    problem = response.json()
    assert problem["success"] is False
    assert problem["error"].endswith(".")
    assert problem["status"] == response.status_code


@schemathesis.check
def data_that_fits_the_schema_is_refused_by_a_rule_only(
    context: CheckContext, response: Response, case: Case
) -> None:
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if response.status_code == 400:
        problem = response.json()
        fields = {path.rpartition(".")[2] for path in problem.get("errors", ())}
        by_rule = problem["code"] == "validation_error" and fields and fields <= LOOSE_FIELDS
        assert problem["code"] in RULES or by_rule, problem
