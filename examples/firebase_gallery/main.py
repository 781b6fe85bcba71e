"""The function, as Firebase deploys it: with a queue that has its options."""

from __future__ import annotations

from typing import Any

import storage
from firebase_functions import https_fn, options, tasks_fn

RETRY = options.RetryConfig(max_attempts=5, min_backoff_seconds=60, max_backoff_seconds=600, max_doublings=3)
RATE = options.RateLimits(max_concurrent_dispatches=6, max_dispatches_per_second=10)


@tasks_fn.on_task_dispatched(retry_config=RETRY, rate_limits=RATE)
def resize(request: tasks_fn.CallableRequest[Any]) -> None:
    image = request.data["image"]
    if image in storage.thumbnails:
        return  # an earlier attempt has done it
    try:
        storage.save_thumbnail(image, b"small")
    except storage.Unavailable as error:
        # Not a 2xx, so the task is retried.
        raise https_fn.HttpsError(https_fn.FunctionsErrorCode.UNAVAILABLE, "the bucket is unavailable") from error
    storage.mail_owner(image)
