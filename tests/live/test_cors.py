"""Pages of other origins: what a browser lets them do, and what each answer says."""
import pytest

import browser
from conftest import needs


@pytest.fixture
def site():
    """A page's server, of an origin of its own."""
    needs("chromium")
    made = browser.Site()
    yield made
    made.close()


ASK = """
const reply = await fetch(given.url, {headers: {Authorization: "Bearer " + given.token}});
return {status: reply.status};
"""


def test_a_page_is_kept_out_by_default(gate, site):
    url = gate.url + "/api/v1/stream/leases"
    assert site.run(ASK, url=url, token=gate.token()) == {
        "threw": "TypeError: Failed to fetch"}
