from google.cloud import tasks_v2


def client():
    return tasks_v2.CloudTasksClient()
