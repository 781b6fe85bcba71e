import chunk_of_orders
import pytest


def test_rewritten():
    with pytest.raises(AssertionError, match="1 == 2"):
        chunk_of_orders.check(1)
