"""The tenant `demo` of a local stack and its API key, made over HTTP as an operator would."""

from __future__ import annotations

from pathlib import Path

import httpx

from cli.local_stack.credentials import write_private
from cli.local_stack.trouble import StackError
from ingest_api.examples import prepared

TENANT = "demo"
ANSWER_S_MAX = 15.0


def demo_api_key(http: str, admin_key: str, kept: Path) -> str:
    """Return the key in the file `kept`, made first when there is none or it is no longer known.

    The tenant also gets what the examples of /docs refer to but do not all create.
    """
    key = _api_key(http, admin_key, kept)
    with httpx.Client(base_url=http, timeout=ANSWER_S_MAX, headers={"Authorization": f"Bearer {key}"}) as client:
        for path, body in prepared(TENANT):
            # 200: from an earlier start. 409: somebody has made the renter in another way.
            _post(client, path, body, accepted=(200, 201, 409))
    return key


def _api_key(http: str, admin_key: str, kept: Path) -> str:
    with httpx.Client(base_url=http, timeout=ANSWER_S_MAX, headers={"Authorization": f"Bearer {admin_key}"}) as client:
        if kept.exists() and _is_known(client, key := kept.read_text().strip()):
            return key
        # 409: the tenant is there already, its key file was lost.
        _post(client, "/api/v1/tenants/", {"id": TENANT, "name": "Demo"}, accepted=(200, 201, 409))
        answer = _post(client, "/api/v1/api-keys/", {"tenant_id": TENANT, "name": "local stack"}, accepted=(201,))
        key = str(answer["key"])
        write_private(kept, key)
        return key


def _is_known(client: httpx.Client, key: str) -> bool:
    # Any endpoint that asks for a key will do: this one needs neither Kafka nor a payment.
    answer = client.get("/api/v1/users/?limit=1", headers={"Authorization": f"Bearer {key}"})
    return answer.status_code != httpx.codes.UNAUTHORIZED


def _post(client: httpx.Client, path: str, body: dict[str, str], *, accepted: tuple[int, ...]) -> dict[str, object]:
    try:
        answer = client.post(path, json=body)
    except httpx.HTTPError as error:
        raise StackError(
            f"The API did not answer POST {path}: {error}.", "Look at the logs of the api process."
        ) from error
    if answer.status_code not in accepted:
        raise StackError(
            f"The API answered {answer.status_code} to POST {path}: {answer.text[:500]}.",
            "Look at the logs of the api and stream processes.",
        )
    return dict(answer.json())
