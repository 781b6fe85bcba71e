"""A wrong function: it works until the bucket is unavailable."""

from __future__ import annotations

from typing import Any

import storage
from firebase_functions import https_fn, tasks_fn


@tasks_fn.on_task_dispatched()
def resize(request: tasks_fn.CallableRequest[Any]) -> None:
    image = request.data["image"]
    storage.mail_owner(image)  # each attempt sends another mail
    try:
        storage.save_thumbnail(image, b"small")
    except storage.Unavailable as error:
        raise https_fn.HttpsError(https_fn.FunctionsErrorCode.UNAVAILABLE, "the bucket is unavailable") from error
