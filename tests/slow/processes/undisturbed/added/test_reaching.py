"""Added to a project by test_imports.py: clients of the project reach a fake."""

from google.cloud import tasks_v2

BUILT_AT_IMPORT = tasks_v2.CloudTasksClient()


def test_a_client_reaches_the_fake(cloud_tasks):
    cloud_tasks.create_queue("work")
    task = tasks_v2.Task(http_request=tasks_v2.HttpRequest(url="https://app.test/"))
    for client in (BUILT_AT_IMPORT, tasks_v2.CloudTasksClient()):
        client.create_task(parent=cloud_tasks.queue_path("work"), task=task)
    assert len(cloud_tasks.tasks()) == 2
