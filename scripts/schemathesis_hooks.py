"""Who calls, and what is no finding, when schemathesis tests the server.

All operations are tested and no check is turned off. `cargo xtask ci --only schemathesis` and
`cargo xtask drill openapi` load this file; the account of STEAD_EMAIL must exist, with PASSWORD.
"""

import itertools
import os
import time

import requests
import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

# The example of the document, so that what wants the password once more gets the right one, too.
PASSWORD = "correct horse battery staple"

# They end the caller's session or account, which would leave nobody to test the rest with: each
# request to one of them comes from somebody who registered for it.
ENDING = ["logout_user", "delete_me", "end_session", "end_other_sessions"]

# Rules that no schema can state: what fits the schema may still be refused with one of these.
BEYOND_SCHEMAS = {
    "weak_password",  # how fast a password would be guessed is an estimate
    "invalid_or_expired_token",  # only a token from a mail is right
    "same_email",  # which address the account has is not in the document
    "idempotency_key_reused",  # what the key stood for before is not in the document
    "unknown_role",  # only a role that exists can be given
    "unknown_permission",  # only a permission that exists can be given
    "precondition_failed",  # only the ETag of what is there now is right
    "not_with_q",  # that two parameters exclude each other
    "invalid_cursor",  # only a cursor from the page before is right
}

passers_by = itertools.count()


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    faults = {fault["code"] for fault in problem.get("errors", [])}
    return problem.get("code") not in BEYOND_SCHEMAS and not (faults and faults <= BEYOND_SCHEMAS)


def post(case, path, body):
    url = f"{case.operation.base_url.rstrip('/')}/api/v1/auth/{path}"
    answer = requests.post(url, json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


class Caller:
    def sign_in(self, case, email):
        return post(case, "login", {"email": email, "password": PASSWORD})["access_token"]

    def set(self, case, token, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}


# Nothing is tried twice: a 401 that should not be is a finding.
@schemathesis.auth(refresh_interval=300, retry_on=[]).skip_for(operation_id=ENDING)
class Resident(Caller):
    def get(self, case, context):
        return self.sign_in(case, os.environ["STEAD_EMAIL"])


@schemathesis.auth(refresh_interval=None, retry_on=[]).apply_to(operation_id=ENDING)
class PasserBy(Caller):
    def get(self, case, context):
        email = f"passer-by-{time.time_ns()}-{next(passers_by)}@example.com"
        post(case, "register", {"email": email, "password": PASSWORD})
        return self.sign_in(case, email)
