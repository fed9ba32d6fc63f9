"""What a workflow's tags say of its charges."""

import pytest

from builder_jupyter.costs.tags import charge_tags


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["urgent"], {"urgent": True}),
        (["team:support", "stage = test"], {"team": "support", "stage": "test"}),
        (["url:http://a=b"], {"url": "http://a=b"}),
        (["team:a", "team:b", "team"], {"team": "a"}),
        (["team:", " ", ":x", "=", ""], {"team": True}),
        (["builder/trigger:api", "builder"], {"builder": True}),
    ],
)
def test_tags_are_keys_with_values(tags, expected):
    assert charge_tags(tags) == expected
