"""What Schemathesis is told beyond the document: values that depend on who is calling and on what went before."""

import os
import re
import uuid

import schemathesis

USER_ID = re.compile(r"[^/\0]{1,255}")
KEY = re.compile(r'[!#-~][!-~]{0,254}|"[!#-\[\]-~]{1,255}"')
TAGS = re.compile(r'(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*')


@schemathesis.hook
def before_call(_context, case, _kwargs):
    # Every other user's path is a 403. What is no user id stays as it is.
    if USER_ID.fullmatch(str(case.path_parameters.get("user_id", ""))):
        case.path_parameters["user_id"] = os.environ["FUZZ_USER_ID"]
    # A key is for one request: with another, it is a 422. What is no key stays as it is.
    if KEY.fullmatch(str(case.headers.get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    # Only the service can write one.
    case.query.pop("cursor", None)
    # Of what is a list of tags, half is left, to be a 412; the rest comes to what is behind it. Schemathesis 4.32 also
    # takes 0 for such a list, in one scenario of its coverage phase.
    tags = case.headers.get("If-Match", "")
    if (TAGS.fullmatch(tags) and len(tags) % 2) or (case.meta.generation.mode.is_positive and tags == "0"):
        case.headers["If-Match"] = "*"
