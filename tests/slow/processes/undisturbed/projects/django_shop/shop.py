from django.db import transaction
from django.http import HttpResponse
from django.urls import path
from google.cloud import tasks_v2

QUEUE = "projects/p/locations/l/queues/receipts"


def enqueue():
    tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task={})


def order(request):
    transaction.on_commit(enqueue)
    return HttpResponse("thanks", status=201)


urlpatterns = [path("order", order)]
