from google.cloud import tasks_v2
from google.oauth2 import id_token
from google.protobuf import timestamp_pb2

client = tasks_v2.CloudTasksClient()


def place_order(number):
    timestamp = timestamp_pb2.Timestamp()
    timestamp.FromSeconds(1)
    return client.create_task(request={"parent": "q", "task": {"schedule_time": timestamp, "number": number}})


def caller_of(token):
    return id_token.verify_oauth2_token(token, None)["email"]
