"""Imports the name of the class, which a patch on the library does not reach."""

from google.cloud.tasks_v2 import CloudTasksClient


def charge(client_class=None):
    return (client_class or CloudTasksClient)().create_task(parent="q", task={})
