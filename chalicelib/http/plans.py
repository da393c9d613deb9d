"""The endpoints of usage plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.access import plans
from chalicelib.access.rules import authorize
from chalicelib.errors import PlanNotFound
from chalicelib.http import audit, cursors, requests, responses
from chalicelib.http.endpoint import endpoint

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.access.audit import Action, Document


@endpoint("list_plans")
def list_page(request: Request) -> Response:
    """GET /v1/plans."""
    principal = requests.principal(request)
    authorize(principal, "administer")
    after = cursors.load(requests.parameter(request, "cursor"), "plans", principal)
    found, following = plans.page(requests.limit(request), after)
    items = [plan.document() for plan in found]
    return responses.json({"items": items, "next": cursors.dump(following, "plans", principal)})


@endpoint("read_plan")
def read(request: Request, plan_id: str) -> Response:
    """GET /v1/plans/{id}."""
    authorize(requests.principal(request), "administer")
    plan_id, preconditions = requests.record_id(plan_id), requests.preconditions(request)
    plan = plans.get(plan_id)
    if preconditions.not_modified(plan.version):
        return responses.not_modified(plan.version)
    return responses.versioned(plan.document())


@endpoint("put_plan")
def put(request: Request, plan_id: str) -> Response:
    """PUT /v1/plans/{id}."""
    authorize(requests.principal(request), "administer")
    before = _before(plan_id)
    plan, created = plans.put(requests.record_id(plan_id), requests.json(request), requests.preconditions(request))
    action: Action = "plan.created" if created else "plan.updated"
    audit.record(request, action, f"plan:{plan.id}", None if created else before, plan.document())
    if not created:
        return responses.versioned(plan.document())
    return responses.versioned(plan.document(), 201, {"Location": f"/v1/plans/{plan.id}"})


@endpoint("delete_plan")
def delete(request: Request, plan_id: str) -> Response:
    """DELETE /v1/plans/{id}."""
    authorize(requests.principal(request), "administer")
    before = _before(plan_id)
    plans.delete(requests.record_id(plan_id), requests.preconditions(request))
    audit.record(request, "plan.deleted", f"plan:{requests.record_id(plan_id)}", before)
    return responses.nothing()


def _before(plan_id: str) -> Document:
    """The plan as it is shown before a change, for the audit trail."""
    try:
        return plans.get(requests.record_id(plan_id)).document()
    except PlanNotFound:
        return None
