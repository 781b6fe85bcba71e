import shop


def test_there_is_no_client():
    assert shop.client is None


def test_no_client_no_task():
    shop.client.create_task(parent="q", task={})
