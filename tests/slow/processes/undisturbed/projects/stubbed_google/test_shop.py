import shop


def test_the_task_is_created():
    assert shop.place_order(42) is shop.client.create_task.return_value


def test_a_token_is_verified():
    shop.id_token.verify_oauth2_token.return_value = {"email": "me@example.com"}
    assert shop.caller_of("token") == "me@example.com"


def test_a_rejection():
    shop.client.create_task.side_effect = ValueError("no such queue")
    shop.place_order(42)
