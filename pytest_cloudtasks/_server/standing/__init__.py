"""``python -m pytest_cloudtasks serve``: the model standing alone, by the wall's clock, with real HTTP deliveries."""
