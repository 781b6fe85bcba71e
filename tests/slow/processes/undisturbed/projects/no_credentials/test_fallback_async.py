from google.cloud.tasks_v2.services import cloud_tasks


def test_the_error_of_the_async_client():
    cloud_tasks.CloudTasksAsyncClient()
