"""One life of a lease through the client that openapi-python-client makes."""
import json
import os

from camgate_client import AuthenticatedClient
from camgate_client.api.questions import explain
from camgate_client.api.stream import heartbeat, leases, release, reserve, token
from camgate_client.models import ExplainRequest, Problem, ReserveRequest


def given(answer):
    assert answer and not isinstance(answer, Problem), answer
    return answer


def refused(answer):
    assert isinstance(answer, Problem), answer
    return answer


def main():
    with AuthenticatedClient(base_url=os.environ["CAMGATE_URL"],
                             token=os.environ["CAMGATE_TOKEN"]) as gate:
        wanted = ReserveRequest(camera_id="lobby-1", quality="medium", replace=None)
        grant = given(reserve.sync(client=gate, body=wanted, idempotency_key="python-1"))
        lease = grant.lease_id
        beat = given(heartbeat.sync(lease, client=gate))
        fresh = given(token.sync(grant.camera_id, client=gate))
        listed = given(leases.sync(client=gate)).leases
        explained = given(explain.sync(client=gate,
                                       body=ExplainRequest(camera_id="lobby-1")))
        released = release.sync_detailed(lease, client=gate)
        late = refused(heartbeat.sync(lease, client=gate))
        odd = refused(reserve.sync(
            client=gate, body=ReserveRequest(camera_id="lobby-1", quality="nonsense")))
        unknown = refused(reserve.sync(client=gate,
                                       body=ReserveRequest(camera_id="nowhere")))
    print(json.dumps({
        "lease": lease,
        "quality": grant.quality,
        "beat": [beat.lease_id, beat.token or None],
        "fresh": [fresh.lease_id, bool(fresh.token)],
        "listed": [item.lease_id for item in listed],
        "verdict": explained.verdict,
        "released": int(released.status_code),
        "late": [late.type_, late.ended_by],
        "odd": [odd.type_, [error.pointer for error in odd.errors]],
        "unknown": [unknown.type_, unknown.status],
    }))


main()
