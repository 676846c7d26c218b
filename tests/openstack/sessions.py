"""Steers a gatherd with the libraries of OpenStack, as they come.

The environment says where Keystone and the daemon are, and who steers it: OS_AUTH_URL, OS_USERNAME, OS_PASSWORD,
OS_PROJECT_NAME (somebody whose role is `admin` at the daemon), and AGENT_URL. The catalogue is written as the user that a
fresh Keystone of the tests has. Ends with 0 and a line for each step, or says what failed.
"""

import json
import os
import sys

import openstack
from keystoneauth1 import adapter, exceptions, session
from keystoneauth1.identity import v3
from openstack import proxy, service_description

SERVICE = "telemetry-agent"
REGION = "RegionOne"
MERGE = {"Content-Type": "application/merge-patch+json"}


def done(what):
    print(f"ok: {what}", flush=True)


def expect(found, wanted, what):
    if found != wanted:
        sys.exit(f"{what}: {found!r} is not {wanted!r}")


def session_of(user, password, project):
    """A session with a fresh token, and so with the catalogue of now."""
    login = v3.Password(
        auth_url=os.environ["OS_AUTH_URL"],
        username=user,
        password=password,
        project_name=project,
        user_domain_id="default",
        project_domain_id="default",
    )
    return session.Session(auth=login)


def logged_in():
    """A session of who steers the daemon."""
    return session_of(os.environ["OS_USERNAME"], os.environ["OS_PASSWORD"], os.environ["OS_PROJECT_NAME"])


def register(url):
    """Makes the service and its endpoints, as `openstack service create` does; what was there goes."""
    admin = session_of("admin", "secret", "admin")
    keystone = adapter.Adapter(admin, endpoint_override=os.environ["OS_AUTH_URL"])
    for old in keystone.get(f"/services?type={SERVICE}").json()["services"]:
        keystone.delete(f"/services/{old['id']}")
    service = {"service": {"type": SERVICE, "name": "gatherd"}}
    made = keystone.post("/services", json=service).json()["service"]["id"]
    for interface in ("public", "internal", "admin"):
        endpoint = {"service_id": made, "interface": interface, "region_id": REGION, "url": url}
        keystone.post("/endpoints", json={"endpoint": endpoint})


def discovers(agent, url):
    """The versions are found without being told, and the microversions with them."""
    found = agent.get_endpoint_data()
    expect(found.api_version, (1, 0), "the version that is found")
    expect((found.min_microversion, found.max_microversion), ((1, 0), (1, 0)), "the microversions")
    expect(found.url.rstrip("/"), f"{url}/v1", "the address of the version")
    exact = agent.get_endpoint(min_version="1", max_version="1.latest")
    expect(exact.rstrip("/"), f"{url}/v1", "the address of a version that is asked for")
    expect(agent.get_endpoint(min_version="2", max_version="2.latest"), None, "a version that is not there")
    expect(agent.get_api_major_version(), (1, 0), "the major version")


def speaks_microversions(agent):
    answer = agent.get("/plugins", microversion="1.0")
    expect(answer.request.headers["OpenStack-API-Version"], f"{SERVICE} 1.0", "the header that is sent")
    expect(answer.headers["OpenStack-API-Version"], f"{SERVICE} 1.0", "the header of the answer")
    expect("OpenStack-API-Version" in answer.headers["Vary"], True, "the answer varies with it")
    expect(agent.get("/plugins", microversion="latest").status_code, 200, "the latest microversion")
    try:
        agent.get("/plugins", microversion="1.999")
    except exceptions.NotAcceptable as refused:
        expect(refused.response.json()["code"], "not_acceptable", "the code of the refusal")
    else:
        sys.exit("a microversion that nobody knows was accepted")


def reconfigures(agent, plugin):
    """Lists plugins and changes the configuration of one, on the condition that nobody else did meanwhile."""
    ids = [entry["id"] for entry in agent.get("/plugins").json()["items"]]
    expect(plugin in ids, True, f"{plugin} among {ids}")
    path = f"/plugins/{plugin}/config"
    seen = agent.get(path)
    wanted = not seen.json().get("report_relative", False)
    change = json.dumps({"report_relative": wanted})
    condition = {"If-Match": seen.headers["ETag"], **MERGE}
    changed = agent.patch(path, data=change, headers=condition)
    expect(changed.json()["report_relative"], wanted, "the configuration of the answer")
    expect(agent.get(path).json(), changed.json(), "the configuration afterwards")
    # openstacksdk leaves it to its caller to look at the status, where keystoneauth1 raises.
    stale = agent.patch(path, json={"report_relative": not wanted}, headers=condition, raise_exc=False)
    expect(stale.status_code, 412, "what is stale")
    bare = agent.patch(path, data=change, headers=MERGE, raise_exc=False)
    expect(bare.status_code, 428, "what has no condition")
    expect(agent.get(path).json(), changed.json(), "the configuration after the refusals")


def says_who_asks(agent):
    token = agent.get("/auth/tokens").json()["token"]
    expect(token["user"]["name"], os.environ["OS_USERNAME"], "the user")
    expect("PATCH /v1/plugins/{id}/config" in token["may"], True, "what an admin may")


def is_guarded(url):
    """Without a token the answer names Keystone, so that clients know where to get one."""
    agent = adapter.Adapter(session.Session(), endpoint_override=f"{url}/v1", service_type=SERVICE)
    refused = agent.get("/plugins", authenticated=False, raise_exc=False)
    expect(refused.status_code, 401, "what has no token")
    challenge = refused.headers["WWW-Authenticate"]
    expect(challenge.startswith("Keystone uri="), True, f"the challenge {challenge}")


def by_sdk(url):
    """A connection of openstacksdk, with the service described as its own are."""
    described = service_description.ServiceDescription(SERVICE, supported_versions={"1": proxy.Proxy})
    connection = openstack.connection.Connection(session=logged_in(), region_name=REGION)
    connection.add_service(described)
    agent = connection.telemetry_agent
    expect(agent.get_endpoint().rstrip("/"), f"{url}/v1", "the endpoint that openstacksdk finds")
    reconfigures(agent, "load")


def main():
    url = os.environ["AGENT_URL"]
    for registered in (url, f"{url}/", f"{url}/v1", f"{url}/v1/"):
        register(registered)
        agent = adapter.Adapter(logged_in(), service_type=SERVICE, interface="public", region_name=REGION)
        discovers(agent, url)
        done(f"versions are discovered at {registered.removeprefix(url) or 'the bare address'}")
    speaks_microversions(agent)
    done("microversions are negotiated")
    says_who_asks(agent)
    done("the caller is known, with what it may")
    reconfigures(agent, "load")
    done("keystoneauth1 lists plugins and reconfigures one")
    is_guarded(url)
    done("without a token Keystone is named")
    register(url)
    by_sdk(url)
    done("openstacksdk does the same")


if __name__ == "__main__":
    main()
