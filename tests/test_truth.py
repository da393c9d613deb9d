"""What only AWS's own engine can tell, in every run of the tests: that the where language means what DynamoDB does."""

from __future__ import annotations

import os
import shutil

import pytest

from tests import truth

AGREEMENT = "tests/dynamo/conditions/test_agreement.py"


@pytest.mark.skipif(shutil.which("java") is None, reason="DynamoDB Local needs Java")
@pytest.mark.skipif("TRUTH_URL" in os.environ, reason="this run is one of DynamoDB Local already")
def test_dynamodb_local_agrees_with_the_evaluator_on_5000_pairs() -> None:
    with truth.running() as url:
        assert truth.run(url, AGREEMENT, "-q", "-p", "no:cacheprovider", AGREEMENT_PAIRS="5200") == 0
