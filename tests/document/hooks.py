"""What a run over the whole document needs beside the document: it must not lock itself out."""

import http.client
import itertools
import json
import os
import time
import urllib.parse

import schemathesis

CREDENTIAL = json.loads(os.environ["GATHERD_CREDENTIAL"])

# Logins are limited per peer, and so that none waits for what the run itself does, each comes from another address.
PEERS = (f"127.{one}.{two}.1" for one, two in itertools.product(range(1, 255), range(1, 255)))


def fresh_token(url):
    """A token of its own for a request that makes its token worthless."""
    user = {"name": CREDENTIAL["user"], "password": CREDENTIAL["password"]}
    body = json.dumps({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}})
    while True:
        place = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(
            place.hostname, place.port, timeout=30, source_address=(next(PEERS), 0)
        )
        connection.request("POST", "/v1/auth/tokens", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status == 201:
            return answer.headers["X-Subject-Token"]
        # All peers together are limited as well.
        assert answer.status == 429, f"no token: {answer.status} {answer.read()}"
        time.sleep(1)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Shows another token than that of the run to whatever takes a token back, and leaves the user of the run as it is."""
    if (case.path_parameters or {}).get("name") == CREDENTIAL["user"]:
        case.path_parameters["name"] = "ann"
    if case.operation.definition.raw.get("operationId") != "delete_token":
        return
    if case.headers.get("X-Auth-Token") == os.environ["GATHERD_TOKEN"]:
        case.headers["X-Auth-Token"] = fresh_token(os.environ["GATHERD_URL"])


@schemathesis.hook
def filter_case(context, case):
    """Leaves out counts beyond 63 bits: they have 64, for which the document's formats have no word."""
    status = case.body.get("status") if isinstance(case.body, dict) else None
    counts = status.values() if isinstance(status, dict) else ()
    return not any(isinstance(count, int) and count >= 2**63 for count in counts)
