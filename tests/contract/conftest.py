"""The contract holds wherever the server lies."""

import pytest
from server import BASE_URLS


@pytest.fixture(params=BASE_URLS.values(), ids=BASE_URLS)
def jp_base_url(request: pytest.FixtureRequest) -> str:
    return request.param
