"""The table of rejections: every error that the service can answer with.

A row has the canonical gRPC code, the text, and details. The ledger says how each one is known, and a case of it
expects the text. Recorded texts are the service's own, to the letter.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Union


class Code(Enum):
    """The gRPC status codes the service answers with (google.rpc.Code)."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12


class Help(NamedTuple):
    """A link that the service attaches to an error (google.rpc.Help, which has one here)."""

    description: str
    url: str


class ErrorInfo(NamedTuple):
    """The cause of an error in words for programs (google.rpc.ErrorInfo)."""

    reason: str
    domain: str
    metadata: tuple[tuple[str, str], ...] = ()


class LocalizedMessage(NamedTuple):
    """The text of an error in one language (google.rpc.LocalizedMessage)."""

    locale: str
    message: str


class BadRequest(NamedTuple):
    """The invalid fields of a request, and why they are (google.rpc.BadRequest)."""

    violations: tuple[tuple[str, str], ...]
    """Pairs of field and description."""


Detail = Union[Help, ErrorInfo, LocalizedMessage, BadRequest]


class ServiceError(Exception):
    """A rejected RPC. Its ``code`` decides which exception Google's client raises."""

    def __init__(self, code: Code, message: str, details: tuple[Detail, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class Rejection(NamedTuple):
    """One row of the table."""

    code: Code
    text: str
    details: tuple[Detail, ...] = ()

    def error(self, **values: object) -> ServiceError:
        """Return the error to raise, with ``values`` filled into the text and the details."""
        details = tuple(_filled(detail, values) for detail in self.details)
        return ServiceError(self.code, self.text.format(**values), details)


def _filled(detail: Detail, values: dict[str, object]) -> Detail:
    if isinstance(detail, Help):
        return Help(detail.description.format(**values), detail.url.format(**values))
    if isinstance(detail, LocalizedMessage):
        return LocalizedMessage(detail.locale, detail.message.format(**values))
    if isinstance(detail, BadRequest):
        filled = ((field.format(**values), text.format(**values)) for field, text in detail.violations)
        return BadRequest(tuple(filled))
    metadata = tuple((key, value.format(**values)) for key, value in detail.metadata)
    return ErrorInfo(detail.reason, detail.domain, metadata)


_REFERENCE = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"

QUEUE_EXISTS = Rejection(Code.ALREADY_EXISTS, "Queue already exists")
QUEUE_DELETED_TOO_RECENTLY = Rejection(
    Code.FAILED_PRECONDITION, "The queue cannot be created because a queue with this name existed too recently."
)
QUEUE_MISSING = Rejection(
    Code.NOT_FOUND,
    "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.",
)
ENTITY_MISSING = Rejection(Code.NOT_FOUND, "Requested entity was not found.")
QUEUE_NAME_FORMAT = Rejection(
    Code.INVALID_ARGUMENT,
    'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".',
    (Help("Definition of queue name", f"{_REFERENCE}#Queue.FIELDS.name"),),
)
QUEUE_ID_FORMAT = Rejection(
    Code.INVALID_ARGUMENT,
    'Queue ID "{id}" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-).'
    " Queue ID must be between 1 and 100 characters.",
    (Help("Definition of queue ID", f"{_REFERENCE}#Queue.FIELDS.name"),),
)
QUEUE_OUTSIDE_PARENT = Rejection(Code.INVALID_ARGUMENT, "{name} must begin with {parent}.")
CONSUMER_INVALID = Rejection(
    Code.PERMISSION_DENIED,
    "Permission denied on resource project {project}.",
    (
        ErrorInfo(
            "CONSUMER_INVALID",
            "googleapis.com",
            (
                ("consumer", "projects/{project}"),
                ("containerInfo", "{project}"),
                ("service", "cloudtasks.googleapis.com"),
            ),
        ),
        LocalizedMessage("en-US", "Permission denied on resource project {project}."),
        Help("Google developers console", "https://console.developers.google.com"),
    ),
)
PERMISSION_MISSING = Rejection(
    Code.PERMISSION_DENIED,
    'The principal (user or service account) lacks IAM permission "{permission}" for the resource "{resource}" (or the'
    " resource may not exist).",
)
POLICY_CHANGED = Rejection(
    Code.ABORTED,
    "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. The"
    " request's ETag '{given}' did not match the current policy's ETag '{current}'.",
)
POLICY_ROLE = Rejection(
    Code.INVALID_ARGUMENT,
    'The role name must be in the form "roles/{{role}}", "organizations/{{organization_id}}/roles/{{role}}", or'
    ' "projects/{{project_id}}/roles/{{role}}".',
)
POLICY_MEMBER = Rejection(
    Code.INVALID_ARGUMENT, "The member {member} is of an unknown type. Please set a valid type prefix for the member."
)
POLICY_CONDITION = Rejection(Code.INVALID_ARGUMENT, "Can't set conditional policy on this resource")
POLICY_VERSION = Rejection(
    Code.INVALID_ARGUMENT,
    "Specified policy version ({version}) is not supported. For more information, please refer to"
    " https://cloud.google.com/iam/help/allow-policies/versions.",
)
PERMISSIONS_MISSING = Rejection(Code.INVALID_ARGUMENT, "At least one permission must be specified.")
PERMISSION_FORMAT = Rejection(Code.INVALID_ARGUMENT, "The permission {permission} is invalid.")
PERMISSION_OF_ANOTHER = Rejection(Code.INVALID_ARGUMENT, "Permission {permission} is not valid for this resource.")
LOCATION_INVALID = Rejection(
    Code.INVALID_ARGUMENT, "Location '{location}' is not a valid location. Use ListLocations to list valid locations."
)
QUEUES_EXHAUSTED = Rejection(
    Code.RESOURCE_EXHAUSTED, "The project has {limit} queues in this location, and no more are allowed."
)
RESOURCE_PROJECT_INVALID = Rejection(
    Code.INVALID_ARGUMENT,
    "Invalid resource field value in the request.",
    (
        ErrorInfo(
            "RESOURCE_PROJECT_INVALID",
            "googleapis.com",
            (("method", "{method}"), ("service", "cloudtasks.googleapis.com")),
        ),
    ),
)
CMEK_NAME_FORMAT = Rejection(
    Code.INVALID_ARGUMENT,
    'CMEK Config name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/cmekConfig".',
)
SAMPLING_RATIO = Rejection(Code.INVALID_ARGUMENT, "sampling_ratio must be between 0.0 and 1.0.")
RATE_NEGATIVE = Rejection(Code.INVALID_ARGUMENT, "RateLimits.maxDispatchesPerSecond cannot be negative.")
RATE_TOO_HIGH = Rejection(Code.INVALID_ARGUMENT, "RateLimits.maxDispatchesPerSecond must be less than or equal to 500.")
RATE_TOO_LOW = Rejection(Code.INVALID_ARGUMENT, "RateLimits.maxDispatchesPerSecond must be a number of at least 1e-11.")
CONCURRENCY_NEGATIVE = Rejection(Code.INVALID_ARGUMENT, "RateLimits.maxConcurrentDispatches cannot be negative.")
CONCURRENCY_TOO_HIGH = Rejection(
    Code.INVALID_ARGUMENT, "RateLimits.maxConcurrentDispatches must be less than or equal to 5000."
)
BURST_NEGATIVE = Rejection(Code.INVALID_ARGUMENT, "RateLimits.maxBurstSize cannot be negative.")
BURST_TOO_HIGH = Rejection(Code.INVALID_ARGUMENT, "RateLimits.maxBurstSize must be less than or equal to 500.")
MAX_ATTEMPTS_TOO_LOW = Rejection(Code.INVALID_ARGUMENT, "RetryConfig.maxAttempts must be greater or equal to -1.")
MAX_DOUBLINGS_NEGATIVE = Rejection(Code.INVALID_ARGUMENT, "RetryConfig.maxDoublings cannot be negative.")
MIN_BACKOFF_NEGATIVE = Rejection(Code.INVALID_ARGUMENT, "RetryConfig.minBackoff cannot be negative.")
MAX_BACKOFF_NEGATIVE = Rejection(Code.INVALID_ARGUMENT, "RetryConfig.maxBackoff cannot be negative.")
MAX_RETRY_DURATION_NEGATIVE = Rejection(
    Code.INVALID_ARGUMENT, "RetryConfig.max_retry_duration.seconds cannot be negative."
)
MAX_RETRY_DURATION_NANOS = Rejection(Code.INVALID_ARGUMENT, "RetryConfig.max_retry_duration.nanos cannot be set.")
BACKOFF_ORDER = Rejection(
    Code.INVALID_ARGUMENT, "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff."
)
MASK_UNKNOWN_FIELD = Rejection(Code.INVALID_ARGUMENT, "Invalid mask: {path}")
TASK_EXISTS = Rejection(Code.ALREADY_EXISTS, "Requested entity already exists")
TASK_EXISTED_TOO_RECENTLY = Rejection(
    Code.ALREADY_EXISTS,
    "The task cannot be created because a task with this name existed too recently. For more information about task"
    " de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create"
    "#body.request_body.FIELDS.task.",
)
TASK_NO_LONGER_EXISTS = Rejection(
    Code.NOT_FOUND,
    "The task no longer exists, though a task with this name existed recently. The task either successfully completed"
    " or was deleted.",
)
LEGACY_TASK_NO_LONGER_EXISTS = Rejection(Code.FAILED_PRECONDITION, TASK_NO_LONGER_EXISTS.text)
TASK_ID_FORMAT = Rejection(
    Code.INVALID_ARGUMENT,
    'Task ID "{id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). Task ID must'
    " between 1 and 500 characters.",
    (Help("Definition of task ID", f"{_REFERENCE}.tasks#Task.FIELDS.name"),),
)
TASK_NAME_FORMAT = Rejection(
    Code.INVALID_ARGUMENT,
    'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>".',
    (Help("Definition of task name", f"{_REFERENCE}.tasks#Task.FIELDS.name"),),
)
TASK_OF_ANOTHER_QUEUE = Rejection(
    Code.INVALID_ARGUMENT,
    "The queue name from request ('{parent}') must be the same as the queue name in the named task ('{queue}').",
)
TARGET_MISSING = Rejection(Code.INVALID_ARGUMENT, "Task.payload_type is not set.")
URL_MISSING = Rejection(Code.INVALID_ARGUMENT, "HttpRequest.url is required.")
URL_SCHEME = Rejection(Code.INVALID_ARGUMENT, "HttpTarget.url must start with 'http://' or 'https://'.")
TOKEN_NEEDS_HTTPS = Rejection(
    Code.INVALID_ARGUMENT,
    "HttpRequest.url must start with 'https://' for request with HttpRequest.authorization_header",
)
URL_TOO_LONG = Rejection(
    Code.INVALID_ARGUMENT, "HttpRequest.url must be no longer than 2083 characters after encoding, and has {length}."
)
RELATIVE_URI_TOO_LONG = Rejection(
    Code.INVALID_ARGUMENT,
    "AppEngineHttpRequest.relativeUri must be no longer than 2083 characters after encoding, and has {length}.",
)
HEADERS_TOO_LARGE = Rejection(Code.INVALID_ARGUMENT, "HttpRequest.headers must be smaller than 80 KB in total.")
TASK_TOO_LARGE = Rejection(Code.INVALID_ARGUMENT, "Task size too large")
RPC_DEADLINE = Rejection(
    Code.INVALID_ARGUMENT, "The request deadline is {deadline}. The deadline cannot be more than 30s in the future."
)
HTTP_BODY = Rejection(Code.INVALID_ARGUMENT, "Body can only be set if the http_method is POST, PUT, or PATCH.")
APP_ENGINE_BODY = Rejection(Code.INVALID_ARGUMENT, "Body can only be set if the http_method is POST or PUT.")
RELATIVE_URI = Rejection(
    Code.INVALID_ARGUMENT, "AppEngineHttpRequest.relativeUri must begin with '/' and contain no spaces."
)
HTTP_DEADLINE = Rejection(Code.INVALID_ARGUMENT, "Task.dispatchDeadline must be between [15s, 30m].")
APP_ENGINE_DEADLINE = Rejection(Code.INVALID_ARGUMENT, "Task.dispatchDeadline must be between [15s, 24h15s].")
SCHEDULE_TOO_FAR = Rejection(
    Code.INVALID_ARGUMENT,
    "The Task.scheduleTime, {schedule_time}, is too far in the future. Schedule time must be no more than 720h in the"
    " future.",
)
ARGUMENT_INVALID = Rejection(Code.INVALID_ARGUMENT, "Request contains an invalid argument.")
FILTER_INVALID = Rejection(Code.INVALID_ARGUMENT, "The filter is invalid: {reason}")
FILTER_FIELD_MISSING = Rejection(Code.INVALID_ARGUMENT, "Field not found: '{field}'.")
FILTER_VALUE = Rejection(Code.INVALID_ARGUMENT, "The value '{value}' is of incorrect type.")
FILTER_NESTED = Rejection(
    Code.INVALID_ARGUMENT,
    "Cannot match a nested type '{field}'. A member field of scalar or enum type must be provided.",
)
PAGE_SIZE_NEGATIVE = Rejection(Code.INVALID_ARGUMENT, "{request}.pageSize cannot be negative.")
PAGE_TOKEN_INVALID = Rejection(Code.INVALID_ARGUMENT, "Invalid page_token")
PAGE_TOKEN_EXPIRED = Rejection(Code.INVALID_ARGUMENT, "The page token has expired: it is valid for 2 hours.")
PAGE_TOKEN_OF_ANOTHER = Rejection(
    Code.INVALID_ARGUMENT,
    "The page token is of another listing: parent and filter must stay as they were when it was given.",
)
LEGACY_QUEUE_MISSING = Rejection(Code.FAILED_PRECONDITION, "Queue does not exist.")
LEGACY_QUEUE_DELETED = Rejection(
    Code.FAILED_PRECONDITION, "The queue no longer exists, though a queue with this name existed recently."
)
HTTP_TARGET_INVALID = Rejection(
    Code.INVALID_ARGUMENT,
    "Error in parsing HttpTarget. {reason}",
    (
        ErrorInfo(
            "INVALID_INPUT_ON_HTTP_TARGET_OVERRIDE", "cloudtasks.googleapis.com", (("invalid_field", "{reason}"),)
        ),
    ),
)
HTTP_TARGET_HEADERS = Rejection(
    Code.INVALID_ARGUMENT,
    "Error in parsing HttpTarget.headers. Header name cannot be empty or start with reserved prefixes. Invalid headers"
    " found: {names}",
)
TOKEN_ACCOUNT_MISSING = Rejection(Code.INVALID_ARGUMENT, "service_account_email must be set.")
OAUTH_HOST = Rejection(
    Code.INVALID_ARGUMENT,
    'Invalid url for HttpRequest.oauth_token. The hostname in the url must end with ".googleapis.com"',
)
HTTP_TARGET_HEADERS_TOO_LARGE = Rejection(
    Code.INVALID_ARGUMENT, "HttpTarget.headerOverrides must be smaller than 80 KB in total."
)
BUFFER_NEEDS_HTTP_TARGET = Rejection(
    Code.FAILED_PRECONDITION,
    "The queue has no HTTP target with a host, which BufferTask needs. Set HttpTarget.uriOverride.host of the queue.",
)
BATCH_EMPTY = Rejection(Code.INVALID_ARGUMENT, "Request must contain at least one task.")
BATCH_CREATE_SIZE = Rejection(
    Code.INVALID_ARGUMENT, "A maximum of 100 tasks can be created in a single batch, but got {size} tasks."
)
BATCH_DELETE_SIZE = Rejection(
    Code.INVALID_ARGUMENT, "A maximum of 1000 tasks can be handled in a batch, but {size} were requested."
)
BATCH_PARENT = Rejection(
    Code.INVALID_ARGUMENT,
    "All tasks in a batch request must target the same queue. Found task for queue {parent} in batch request for queue"
    " {batch}.",
)
BATCH_DUPLICATE_NAME = Rejection(Code.INVALID_ARGUMENT, "Duplicate task name in the batch request: {name}")
BATCH_DUPLICATE_ID = Rejection(Code.INVALID_ARGUMENT, "Duplicate operation id in the batch request: {id}")
BATCH_PAYLOAD = Rejection(Code.INVALID_ARGUMENT, "Payload type must be set.")
BATCH_TASK_NAME = Rejection(Code.INVALID_ARGUMENT, "Invalid task name: {why}")
BATCH_ALL_FAILED = Rejection(
    Code.ABORTED,
    "None of the requests succeeded, refer to BatchDeleteTasksMetadata.failed_requests for individual error details",
)
CMEK_KEY_FORMAT = Rejection(
    Code.INVALID_ARGUMENT, "Resource name [{name}] does not match any known resource name pattern."
)
CMEK_UNSATISFIED = Rejection(
    Code.FAILED_PRECONDITION,
    "CMEK cannot be enabled on any project that has one or more queues with HTTP Target Override headers or tasks ttl"
    " of more than 60 days.",
    (ErrorInfo("UNSATISFIED_PRECONDITION_FOR_CMEK", "cloudtasks.googleapis.com"),),
)
READ_MASK_UNKNOWN_FIELD = Rejection(Code.INVALID_ARGUMENT, "The read mask names {path}, which is no field of a queue.")
TASK_TTL_RANGE = Rejection(Code.INVALID_ARGUMENT, "Queue.taskTtl must be between 10 days and 10 years.")
TOMBSTONE_TTL_RANGE = Rejection(Code.INVALID_ARGUMENT, "Queue.tombstoneTtl must be between 1 hour and 9 days.")
QUEUE_TYPE_IMMUTABLE = Rejection(Code.INVALID_ARGUMENT, "The type of a queue, push or pull, cannot be changed.")
ATTEMPTS_NOT_POSITIVE = Rejection(Code.INVALID_ARGUMENT, "RetryConfig.maxAttempts must be greater than 0.")
MESSAGE_CANNOT_BE_SET = Rejection(Code.INVALID_ARGUMENT, "Task.pullMessage cannot be set by this version of the API.")
MESSAGE_IN_PUSH_QUEUE = Rejection(
    Code.INVALID_ARGUMENT, "A task with a pull message can only be created in a pull queue."
)
REQUEST_IN_PULL_QUEUE = Rejection(Code.INVALID_ARGUMENT, "A task with a request cannot be created in a pull queue.")
TAG_TOO_LONG = Rejection(Code.INVALID_ARGUMENT, "PullMessage.tag must have fewer than 500 characters.")
RUN_PULL_TASK = Rejection(Code.INVALID_ARGUMENT, "RunTask cannot be called on a pull task.")
LEASE_IN_PUSH_QUEUE = Rejection(Code.INVALID_ARGUMENT, "LeaseTasks can only be called on a pull queue.")
LEASE_IN_STOPPED_QUEUE = Rejection(Code.FAILED_PRECONDITION, "Tasks cannot be leased while the queue is {state}.")
RENEW_IN_STOPPED_QUEUE = Rejection(Code.FAILED_PRECONDITION, "Leases cannot be renewed while the queue is {state}.")
LEASE_RATE = Rejection(Code.RESOURCE_EXHAUSTED, "LeaseTasks was called more than {limit} times a second on this queue.")
LEASE_MAX_TASKS = Rejection(
    Code.INVALID_ARGUMENT, "LeaseTasksRequest.maxTasks must be between 1 and 1000, and is {max_tasks}."
)
LEASE_DURATION = Rejection(Code.INVALID_ARGUMENT, "The lease duration must be between 0 and 1 week.")
LEASE_DURATION_MISSING = Rejection(Code.INVALID_ARGUMENT, "The lease duration is required.")
LEASE_FILTER = Rejection(
    Code.INVALID_ARGUMENT,
    "The filter of LeaseTasks must be tag=<a tag of fewer than 500 characters> or tag_function=oldest_tag(), and is"
    " '{filter}'.",
)
LEASE_SCHEDULE_TIME_MISSING = Rejection(Code.INVALID_ARGUMENT, "The task's current schedule time is required.")
LEASE_NOT_HELD = Rejection(
    Code.FAILED_PRECONDITION, "The schedule time is not the task's current one: the caller does not hold the lease."
)
LEASE_EXPIRED = Rejection(Code.FAILED_PRECONDITION, "The task's lease has expired.")
NOT_A_PULL_TASK = Rejection(Code.INVALID_ARGUMENT, "The task is not a pull task, and has no lease.")
QUEUE_YAML_INVALID = Rejection(Code.INVALID_ARGUMENT, "The queue.yaml cannot be used: {reason}")
QUEUE_YAML_UNREADABLE = Rejection(
    Code.UNIMPLEMENTED, "UploadQueueYaml needs PyYAML, which is not installed. Run `pip install pyyaml`."
)
UNREGISTERED_CALLER = Rejection(
    Code.PERMISSION_DENIED,
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form"
    " of API consumer identity to call this API.",
)
NOT_MODELLED = Rejection(
    Code.UNIMPLEMENTED,
    "pytest-cloudtasks does not model {what}. Leave it out of the call, or give the client a stub for this one.",
)
