"""The bucket, and mail to the owner of an image."""

from __future__ import annotations


class Unavailable(Exception):
    """The bucket is unavailable."""


thumbnails: dict[str, bytes] = {}
mails: list[str] = []
failures: list[Exception] = []
"""What the next calls of `save_thumbnail` raise."""


def save_thumbnail(image: str, data: bytes) -> None:
    if failures:
        raise failures.pop(0)
    thumbnails[image] = data


def mail_owner(image: str) -> None:
    mails.append(image)
