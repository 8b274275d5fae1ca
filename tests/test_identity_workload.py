"""A projected service-account token counts for the workload it is bound to, and for no other."""

from dataclasses import replace

import pytest
from identity_parts import ALL, ISSUER, head, make, refused, signed, verify

from sidecar import identity

UID = "0b5f1e0c-6c5f-4a53-9d0b-0f1f9d1c2a3b"
BOUND = {
    "namespace": "support",
    "serviceaccount": {"name": "agent", "uid": "sa-uid"},
    "pod": {"name": "agent-0", "uid": UID},
}
POD = identity.Workload("support", "agent", UID)


def cluster(workload: identity.Workload) -> identity.Verifier:
    return make(ALL, replace(ISSUER, workload=workload))


def token(**changed) -> str:
    bound = {name: value for name, value in (BOUND | changed).items() if value is not ...}
    return signed(sub="system:serviceaccount:support:agent", **{"kubernetes.io": bound})


@pytest.mark.parametrize(
    "workload",
    [POD, identity.Workload("support"), identity.Workload("support", "agent")],
)
def test_a_token_of_this_workload_verifies(workload):
    caller = verify(head(f"Bearer {token()}"), cluster(workload))
    assert caller.subject == "system:serviceaccount:support:agent"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"namespace": "other"}, "wrong_namespace"),
        ({"namespace": ...}, "wrong_namespace"),
        ({"namespace": ["support"]}, "wrong_namespace"),
        ({"serviceaccount": {"name": "other"}}, "wrong_service_account"),
        ({"serviceaccount": {"uid": "agent"}}, "wrong_service_account"),
        ({"serviceaccount": "agent"}, "wrong_service_account"),
        ({"serviceaccount": ...}, "wrong_service_account"),
        ({"pod": {"name": "agent-0", "uid": "another"}}, "wrong_pod"),
        ({"pod": {"name": UID}}, "wrong_pod"),
        ({"pod": {"uid": ""}}, "wrong_pod"),
        ({"pod": {"uid": [UID]}}, "wrong_pod"),
        ({"pod": ...}, "wrong_pod"),
    ],
)
def test_a_token_of_another_workload_is_refused(changed, why):
    assert refused(token(**changed), cluster(POD)) == why


@pytest.mark.parametrize("bound", [..., None, "support", [BOUND]])
def test_a_token_that_is_bound_to_nothing_is_refused(bound):
    claims = {} if bound is ... else {"kubernetes.io": bound}
    assert refused(signed(**claims), cluster(POD)) == "wrong_namespace"
