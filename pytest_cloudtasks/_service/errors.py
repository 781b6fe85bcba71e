"""The table of refusals: every error the service can answer with, in one place.

An entry gives the canonical gRPC code, the text, and how we know it. A text marked *recorded* or *reported* is the
service's own, to the letter, odd grammar included; one marked *documented* or *our choice* only carries the rule, in
words of our own, because no recording of it was found.
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


class Evidence(Enum):
    """How a behaviour is known."""

    RECORDED = "recorded"
    DOCUMENTED = "documented"
    REPORTED = "reported"
    OUR_CHOICE = "our choice"


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
    """The text of an error in a language (google.rpc.LocalizedMessage)."""

    locale: str
    message: str


class BadRequest(NamedTuple):
    """The fields of a request that are wrong, and why (google.rpc.BadRequest)."""

    violations: tuple[tuple[str, str], ...]
    """A field and a description each."""


Detail = Union[Help, ErrorInfo, LocalizedMessage, BadRequest]


class ServiceError(Exception):
    """An RPC was refused: what Google's client raises for it is decided by ``code``."""

    def __init__(self, code: Code, message: str, details: tuple[Detail, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class Refusal(NamedTuple):
    """One row of the table."""

    code: Code
    text: str
    evidence: Evidence
    source: str
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
_RECORDED_2026 = "recordings of the real service (2026)"
_GOLDEN = "aertje/cloud-tasks-emulator, goldens of the real service (2026)"
_DOCSTRING = "google-cloud-tasks 2.26.0, docstrings"
_BETA = f"{_DOCSTRING} of v2beta3"
_SDK = "GoogleCloudPlatform/appengine-python-standard, the App Engine SDK's stub of pull queues"

QUEUE_EXISTS = Refusal(Code.ALREADY_EXISTS, "Queue already exists", Evidence.RECORDED, _GOLDEN)
QUEUE_DELETED_TOO_RECENTLY = Refusal(
    Code.FAILED_PRECONDITION,
    "The queue cannot be created because a queue with this name existed too recently.",
    Evidence.RECORDED,
    _GOLDEN,
)
QUEUE_MISSING = Refusal(
    Code.NOT_FOUND,
    "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.",
    Evidence.RECORDED,
    _GOLDEN,
)
ENTITY_MISSING = Refusal(Code.NOT_FOUND, "Requested entity was not found.", Evidence.RECORDED, _GOLDEN)
QUEUE_NAME_FORMAT = Refusal(
    Code.INVALID_ARGUMENT,
    'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".',
    Evidence.RECORDED,
    _GOLDEN,
    (Help("Definition of queue name", f"{_REFERENCE}#Queue.FIELDS.name"),),
)
QUEUE_ID_FORMAT = Refusal(
    Code.INVALID_ARGUMENT,
    'Queue ID "{id}" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-).'
    " Queue ID must be between 1 and 100 characters.",
    Evidence.RECORDED,
    _RECORDED_2026,
    (Help("Definition of queue ID", f"{_REFERENCE}#Queue.FIELDS.name"),),
)
QUEUE_OUTSIDE_PARENT = Refusal(
    Code.INVALID_ARGUMENT, "{name} must begin with {parent}.", Evidence.RECORDED, _RECORDED_2026
)
CONSUMER_INVALID = Refusal(
    Code.PERMISSION_DENIED,
    "Permission denied on resource project {project}.",
    Evidence.RECORDED,
    _GOLDEN,
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
PERMISSION_MISSING = Refusal(
    Code.PERMISSION_DENIED,
    'The principal (user or service account) lacks IAM permission "{permission}" for the resource "{resource}" (or the'
    " resource may not exist).",
    Evidence.RECORDED,
    _RECORDED_2026,
)
POLICY_CHANGED = Refusal(
    Code.ABORTED,
    "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. The"
    " request's ETag '{given}' did not match the current policy's ETag '{current}'.",
    Evidence.RECORDED,
    f"{_RECORDED_2026}, up to 'did not match'; the rest is reported of IAM",
)
POLICY_ROLE = Refusal(
    Code.INVALID_ARGUMENT,
    'The role name must be in the form "roles/{{role}}", "organizations/{{organization_id}}/roles/{{role}}", or'
    ' "projects/{{project_id}}/roles/{{role}}".',
    Evidence.RECORDED,
    _RECORDED_2026,
)
POLICY_MEMBER = Refusal(
    Code.INVALID_ARGUMENT,
    "The member {member} is of an unknown type. Please set a valid type prefix for the member.",
    Evidence.RECORDED,
    _RECORDED_2026,
)
POLICY_CONDITION = Refusal(
    Code.INVALID_ARGUMENT, "Can't set conditional policy on this resource", Evidence.RECORDED, _RECORDED_2026
)
POLICY_VERSION = Refusal(
    Code.INVALID_ARGUMENT,
    "Specified policy version ({version}) is not supported. For more information, please refer to"
    " https://cloud.google.com/iam/help/allow-policies/versions.",
    Evidence.RECORDED,
    _RECORDED_2026,
)
PERMISSIONS_MISSING = Refusal(
    Code.INVALID_ARGUMENT, "At least one permission must be specified.", Evidence.RECORDED, _RECORDED_2026
)
PERMISSION_FORMAT = Refusal(
    Code.INVALID_ARGUMENT, "The permission {permission} is invalid.", Evidence.RECORDED, _RECORDED_2026
)
PERMISSION_OF_ANOTHER = Refusal(
    Code.INVALID_ARGUMENT,
    "Permission {permission} is not valid for this resource.",
    Evidence.RECORDED,
    _RECORDED_2026,
)
LOCATION_INVALID = Refusal(
    Code.INVALID_ARGUMENT,
    "Location '{location}' is not a valid location. Use ListLocations to list valid locations.",
    Evidence.REPORTED,
    "public issues",
)
QUEUES_EXHAUSTED = Refusal(
    Code.RESOURCE_EXHAUSTED,
    "The project has {limit} queues in this location, and no more are allowed.",
    Evidence.DOCUMENTED,
    "cloud.google.com/tasks/docs/quotas; text unknown",
)
RESOURCE_PROJECT_INVALID = Refusal(
    Code.INVALID_ARGUMENT,
    "Invalid resource field value in the request.",
    Evidence.RECORDED,
    _RECORDED_2026,
    (
        ErrorInfo(
            "RESOURCE_PROJECT_INVALID",
            "googleapis.com",
            (("method", "{method}"), ("service", "cloudtasks.googleapis.com")),
        ),
    ),
)
CMEK_NAME_FORMAT = Refusal(
    Code.INVALID_ARGUMENT,
    'CMEK Config name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/cmekConfig".',
    Evidence.RECORDED,
    _RECORDED_2026,
)
SAMPLING_RATIO = Refusal(
    Code.INVALID_ARGUMENT, "sampling_ratio must be between 0.0 and 1.0.", Evidence.RECORDED, _RECORDED_2026
)
RATE_NEGATIVE = Refusal(
    Code.INVALID_ARGUMENT, "RateLimits.maxDispatchesPerSecond cannot be negative.", Evidence.RECORDED, _GOLDEN
)
RATE_TOO_HIGH = Refusal(
    Code.INVALID_ARGUMENT,
    "RateLimits.maxDispatchesPerSecond must be less than or equal to 500.",
    Evidence.RECORDED,
    _GOLDEN,
)
RATE_TOO_LOW = Refusal(
    Code.INVALID_ARGUMENT,
    "RateLimits.maxDispatchesPerSecond must be a number of at least 1e-11.",
    Evidence.OUR_CHOICE,
    "the service's own limit is unknown",
)
CONCURRENCY_NEGATIVE = Refusal(
    Code.INVALID_ARGUMENT, "RateLimits.maxConcurrentDispatches cannot be negative.", Evidence.RECORDED, _GOLDEN
)
CONCURRENCY_TOO_HIGH = Refusal(
    Code.INVALID_ARGUMENT,
    "RateLimits.maxConcurrentDispatches must be less than or equal to 5000.",
    Evidence.RECORDED,
    _GOLDEN,
)
BURST_NEGATIVE = Refusal(
    Code.INVALID_ARGUMENT,
    "RateLimits.maxBurstSize cannot be negative.",
    Evidence.OUR_CHOICE,
    "by the pattern of others",
)
BURST_TOO_HIGH = Refusal(
    Code.INVALID_ARGUMENT,
    "RateLimits.maxBurstSize must be less than or equal to 500.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2 and v2beta3; text unknown, by the pattern of others",
)
MAX_ATTEMPTS_TOO_LOW = Refusal(
    Code.INVALID_ARGUMENT, "RetryConfig.maxAttempts must be greater or equal to -1.", Evidence.RECORDED, _GOLDEN
)
MAX_DOUBLINGS_NEGATIVE = Refusal(
    Code.INVALID_ARGUMENT, "RetryConfig.maxDoublings cannot be negative.", Evidence.RECORDED, _GOLDEN
)
MIN_BACKOFF_NEGATIVE = Refusal(
    Code.INVALID_ARGUMENT, "RetryConfig.minBackoff cannot be negative.", Evidence.RECORDED, _GOLDEN
)
MAX_BACKOFF_NEGATIVE = Refusal(
    Code.INVALID_ARGUMENT, "RetryConfig.maxBackoff cannot be negative.", Evidence.RECORDED, _RECORDED_2026
)
MAX_RETRY_DURATION_NEGATIVE = Refusal(
    Code.INVALID_ARGUMENT,
    "RetryConfig.max_retry_duration.seconds cannot be negative.",
    Evidence.RECORDED,
    _RECORDED_2026,
)
MAX_RETRY_DURATION_NANOS = Refusal(
    Code.INVALID_ARGUMENT, "RetryConfig.max_retry_duration.nanos cannot be set.", Evidence.RECORDED, _RECORDED_2026
)
BACKOFF_ORDER = Refusal(
    Code.INVALID_ARGUMENT,
    "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
    Evidence.RECORDED,
    _GOLDEN,
)
MASK_UNKNOWN_FIELD = Refusal(Code.INVALID_ARGUMENT, "Invalid mask: {path}", Evidence.RECORDED, _RECORDED_2026)
TASK_EXISTS = Refusal(Code.ALREADY_EXISTS, "Requested entity already exists", Evidence.RECORDED, _GOLDEN)
TASK_EXISTED_TOO_RECENTLY = Refusal(
    Code.ALREADY_EXISTS,
    "The task cannot be created because a task with this name existed too recently. For more information about task"
    " de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create"
    "#body.request_body.FIELDS.task.",
    Evidence.REPORTED,
    "stackkit/laravel-google-cloud-tasks-queue#104, #130",
)
TASK_NO_LONGER_EXISTS = Refusal(
    Code.NOT_FOUND,
    "The task no longer exists, though a task with this name existed recently. The task either successfully completed"
    " or was deleted.",
    Evidence.RECORDED,
    _GOLDEN,
)
LEGACY_TASK_NO_LONGER_EXISTS = Refusal(
    Code.FAILED_PRECONDITION, TASK_NO_LONGER_EXISTS.text, Evidence.REPORTED, "aertje/cloud-tasks-emulator (2019-24)"
)
TASK_ID_FORMAT = Refusal(
    Code.INVALID_ARGUMENT,
    'Task ID "{id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). Task ID must'
    " between 1 and 500 characters.",
    Evidence.RECORDED,
    _GOLDEN,
    (Help("Definition of task ID", f"{_REFERENCE}.tasks#Task.FIELDS.name"),),
)
TASK_NAME_FORMAT = Refusal(
    Code.INVALID_ARGUMENT,
    'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>".',
    Evidence.RECORDED,
    _RECORDED_2026,
    (Help("Definition of task name", f"{_REFERENCE}.tasks#Task.FIELDS.name"),),
)
TASK_OF_ANOTHER_QUEUE = Refusal(
    Code.INVALID_ARGUMENT,
    "The queue name from request ('{parent}') must be the same as the queue name in the named task ('{queue}').",
    Evidence.RECORDED,
    _GOLDEN,
)
TARGET_MISSING = Refusal(Code.INVALID_ARGUMENT, "Task.payload_type is not set.", Evidence.RECORDED, _RECORDED_2026)
URL_MISSING = Refusal(Code.INVALID_ARGUMENT, "HttpRequest.url is required.", Evidence.RECORDED, _GOLDEN)
URL_SCHEME = Refusal(
    Code.INVALID_ARGUMENT, "HttpTarget.url must start with 'http://' or 'https://'.", Evidence.RECORDED, _GOLDEN
)
TOKEN_NEEDS_HTTPS = Refusal(
    Code.INVALID_ARGUMENT,
    "HttpRequest.url must start with 'https://' for request with HttpRequest.authorization_header",
    Evidence.REPORTED,
    "googleapis/nodejs-tasks#353, django-cloud-tasks#46",
)
URL_TOO_LONG = Refusal(
    Code.INVALID_ARGUMENT,
    "HttpRequest.url must be no longer than 2083 characters after encoding, and has {length}.",
    Evidence.DOCUMENTED,
    _DOCSTRING,
)
RELATIVE_URI_TOO_LONG = Refusal(
    Code.INVALID_ARGUMENT,
    "AppEngineHttpRequest.relativeUri must be no longer than 2083 characters after encoding, and has {length}.",
    Evidence.DOCUMENTED,
    _DOCSTRING,
)
HEADERS_TOO_LARGE = Refusal(
    Code.INVALID_ARGUMENT,
    "HttpRequest.headers must be smaller than 80 KB in total.",
    Evidence.DOCUMENTED,
    _DOCSTRING,
)
TASK_TOO_LARGE = Refusal(
    Code.INVALID_ARGUMENT,
    "Task size too large",
    Evidence.RECORDED,
    "aertje/cloud-tasks-emulator, size probe of the real service (2026-08-23); googleapis/repo-automation-bots#893",
)
RPC_DEADLINE = Refusal(
    Code.INVALID_ARGUMENT,
    "The request deadline is {deadline}. The deadline cannot be more than 30s in the future.",
    Evidence.REPORTED,
    "googleapis/google-cloud-ruby#3941, googleapis/google-cloud-go#1577",
)
HTTP_BODY = Refusal(
    Code.INVALID_ARGUMENT,
    "Body can only be set if the http_method is POST, PUT, or PATCH.",
    Evidence.RECORDED,
    _RECORDED_2026,
)
APP_ENGINE_BODY = Refusal(
    Code.INVALID_ARGUMENT,
    "Body can only be set if the http_method is POST or PUT.",
    Evidence.OUR_CHOICE,
    f"{_DOCSTRING}; the text is like that of HTTP tasks",
)
RELATIVE_URI = Refusal(
    Code.INVALID_ARGUMENT,
    "AppEngineHttpRequest.relativeUri must begin with '/' and contain no spaces.",
    Evidence.DOCUMENTED,
    _DOCSTRING,
)
HTTP_DEADLINE = Refusal(
    Code.INVALID_ARGUMENT, "Task.dispatchDeadline must be between [15s, 30m].", Evidence.RECORDED, _GOLDEN
)
APP_ENGINE_DEADLINE = Refusal(
    Code.INVALID_ARGUMENT, "Task.dispatchDeadline must be between [15s, 24h15s].", Evidence.RECORDED, _GOLDEN
)
SCHEDULE_TOO_FAR = Refusal(
    Code.INVALID_ARGUMENT,
    "The Task.scheduleTime, {schedule_time}, is too far in the future. Schedule time must be no more than 720h in the"
    " future.",
    Evidence.RECORDED,
    _GOLDEN,
)
ARGUMENT_INVALID = Refusal(
    Code.INVALID_ARGUMENT, "Request contains an invalid argument.", Evidence.RECORDED, _RECORDED_2026
)
FILTER_INVALID = Refusal(
    Code.INVALID_ARGUMENT, "The filter is invalid: {reason}", Evidence.DOCUMENTED, f"{_DOCSTRING}; text unknown"
)
FILTER_FIELD_MISSING = Refusal(Code.INVALID_ARGUMENT, "Field not found: '{field}'.", Evidence.RECORDED, _RECORDED_2026)
FILTER_VALUE = Refusal(
    Code.INVALID_ARGUMENT, "The value '{value}' is of incorrect type.", Evidence.RECORDED, _RECORDED_2026
)
FILTER_NESTED = Refusal(
    Code.INVALID_ARGUMENT,
    "Cannot match a nested type '{field}'. A member field of scalar or enum type must be provided.",
    Evidence.RECORDED,
    _RECORDED_2026,
)
PAGE_SIZE_NEGATIVE = Refusal(
    Code.INVALID_ARGUMENT, "{request}.pageSize cannot be negative.", Evidence.RECORDED, _RECORDED_2026
)
PAGE_TOKEN_INVALID = Refusal(Code.INVALID_ARGUMENT, "Invalid page_token", Evidence.RECORDED, _RECORDED_2026)
PAGE_TOKEN_EXPIRED = Refusal(
    Code.INVALID_ARGUMENT,
    "The page token has expired: it is valid for 2 hours.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING}; text unknown",
)
PAGE_TOKEN_OF_ANOTHER = Refusal(
    Code.INVALID_ARGUMENT,
    "The page token is of another listing: parent and filter must stay as they were when it was given.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING}; text unknown",
)
LEGACY_QUEUE_MISSING = Refusal(
    Code.FAILED_PRECONDITION,
    "Queue does not exist.",
    Evidence.REPORTED,
    "stackkit/laravel-google-cloud-tasks-queue#103 (2019-23)",
)
LEGACY_QUEUE_DELETED = Refusal(
    Code.FAILED_PRECONDITION,
    "The queue no longer exists, though a queue with this name existed recently.",
    Evidence.REPORTED,
    "GoogleCloudPlatform/python-docs-samples#4034 (2020)",
)
HTTP_TARGET_INVALID = Refusal(
    Code.INVALID_ARGUMENT,
    "Error in parsing HttpTarget. {reason}",
    Evidence.RECORDED,
    _RECORDED_2026,
    (
        ErrorInfo(
            "INVALID_INPUT_ON_HTTP_TARGET_OVERRIDE", "cloudtasks.googleapis.com", (("invalid_field", "{reason}"),)
        ),
    ),
)
HTTP_TARGET_HEADERS = Refusal(
    Code.INVALID_ARGUMENT,
    "Error in parsing HttpTarget.headers. Header name cannot be empty or start with reserved prefixes. Invalid headers"
    " found: {names}",
    Evidence.RECORDED,
    _RECORDED_2026,
)
TOKEN_ACCOUNT_MISSING = Refusal(
    Code.INVALID_ARGUMENT, "service_account_email must be set.", Evidence.RECORDED, _RECORDED_2026
)
OAUTH_HOST = Refusal(
    Code.INVALID_ARGUMENT,
    'Invalid url for HttpRequest.oauth_token. The hostname in the url must end with ".googleapis.com"',
    Evidence.RECORDED,
    _RECORDED_2026,
)
HTTP_TARGET_HEADERS_TOO_LARGE = Refusal(
    Code.INVALID_ARGUMENT,
    "HttpTarget.headerOverrides must be smaller than 80 KB in total.",
    Evidence.DOCUMENTED,
    _DOCSTRING,
)
BUFFER_NEEDS_HTTP_TARGET = Refusal(
    Code.FAILED_PRECONDITION,
    "The queue has no HTTP target with a host, which BufferTask needs. Set HttpTarget.uriOverride.host of the queue.",
    Evidence.DOCUMENTED,
    "cloud.google.com/tasks/docs/creating-http-target-tasks; the text is ours, and the code uncertain",
)
BATCH_EMPTY = Refusal(
    Code.INVALID_ARGUMENT, "Request must contain at least one task.", Evidence.RECORDED, "R batches-04"
)
BATCH_CREATE_SIZE = Refusal(
    Code.INVALID_ARGUMENT,
    "A maximum of 100 tasks can be created in a single batch, but got {size} tasks.",
    Evidence.RECORDED,
    "R batches-04",
)
BATCH_DELETE_SIZE = Refusal(
    Code.INVALID_ARGUMENT,
    "A maximum of 1000 tasks can be handled in a batch, but {size} were requested.",
    Evidence.RECORDED,
    "R §16.7",
)
BATCH_PARENT = Refusal(
    Code.INVALID_ARGUMENT,
    "All tasks in a batch request must target the same queue. Found task for queue {parent} in batch request for queue"
    " {batch}.",
    Evidence.RECORDED,
    "R batches-04",
)
BATCH_DUPLICATE_NAME = Refusal(
    Code.INVALID_ARGUMENT, "Duplicate task name in the batch request: {name}", Evidence.RECORDED, "R batches-04"
)
BATCH_DUPLICATE_ID = Refusal(
    Code.INVALID_ARGUMENT,
    "Duplicate operation id in the batch request: {id}",
    Evidence.RECORDED,
    "R batches-05, batches-10",
)
BATCH_PAYLOAD = Refusal(Code.INVALID_ARGUMENT, "Payload type must be set.", Evidence.RECORDED, "R batches-02")
BATCH_TASK_NAME = Refusal(Code.INVALID_ARGUMENT, "Invalid task name: {why}", Evidence.RECORDED, "R §16.7")
BATCH_ALL_FAILED = Refusal(
    Code.ABORTED,
    "None of the requests succeeded, refer to BatchDeleteTasksMetadata.failed_requests for individual error details",
    Evidence.RECORDED,
    "R batches-08",
)
CMEK_KEY_FORMAT = Refusal(
    Code.INVALID_ARGUMENT,
    "Resource name [{name}] does not match any known resource name pattern.",
    Evidence.RECORDED,
    _RECORDED_2026,
)
CMEK_UNSATISFIED = Refusal(
    Code.FAILED_PRECONDITION,
    "CMEK cannot be enabled on any project that has one or more queues with HTTP Target Override headers or tasks ttl"
    " of more than 60 days.",
    Evidence.RECORDED,
    _RECORDED_2026,
    (ErrorInfo("UNSATISFIED_PRECONDITION_FOR_CMEK", "cloudtasks.googleapis.com"),),
)
READ_MASK_UNKNOWN_FIELD = Refusal(
    Code.INVALID_ARGUMENT,
    "The read mask names {path}, which is no field of a queue.",
    Evidence.OUR_CHOICE,
    "field mask convention; text unknown",
)
TASK_TTL_RANGE = Refusal(
    Code.INVALID_ARGUMENT,
    "Queue.taskTtl must be between 10 days and 10 years.",
    Evidence.DOCUMENTED,
    f"{_BETA}; text unknown",
)
TOMBSTONE_TTL_RANGE = Refusal(
    Code.INVALID_ARGUMENT,
    "Queue.tombstoneTtl must be between 1 hour and 9 days.",
    Evidence.DOCUMENTED,
    f"{_BETA}; text unknown",
)
QUEUE_TYPE_IMMUTABLE = Refusal(
    Code.INVALID_ARGUMENT,
    "The type of a queue, push or pull, cannot be changed.",
    Evidence.DOCUMENTED,
    f"{_BETA}; text unknown",
)
ATTEMPTS_NOT_POSITIVE = Refusal(
    Code.INVALID_ARGUMENT,
    "RetryConfig.maxAttempts must be greater than 0.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; text unknown",
)
MESSAGE_CANNOT_BE_SET = Refusal(
    Code.INVALID_ARGUMENT,
    "Task.pullMessage cannot be set by this version of the API.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta3; code and text unknown",
)
MESSAGE_IN_PUSH_QUEUE = Refusal(
    Code.INVALID_ARGUMENT,
    "A task with a pull message can only be created in a pull queue.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; code and text unknown",
)
REQUEST_IN_PULL_QUEUE = Refusal(
    Code.INVALID_ARGUMENT,
    "A task with a request cannot be created in a pull queue.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; code and text unknown",
)
TAG_TOO_LONG = Refusal(
    Code.INVALID_ARGUMENT,
    "PullMessage.tag must have fewer than 500 characters.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; text unknown",
)
RUN_PULL_TASK = Refusal(
    Code.INVALID_ARGUMENT,
    "RunTask cannot be called on a pull task.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; code and text unknown",
)
LEASE_IN_PUSH_QUEUE = Refusal(
    Code.INVALID_ARGUMENT,
    "LeaseTasks can only be called on a pull queue.",
    Evidence.REPORTED,
    f"{_SDK} (INVALID_QUEUE_MODE); text unknown",
)
LEASE_IN_STOPPED_QUEUE = Refusal(
    Code.FAILED_PRECONDITION,
    "Tasks cannot be leased while the queue is {state}.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; text unknown",
)
RENEW_IN_STOPPED_QUEUE = Refusal(
    Code.FAILED_PRECONDITION,
    "Leases cannot be renewed while the queue is {state}.",
    Evidence.REPORTED,
    f"{_SDK}; code and text unknown",
)
LEASE_RATE = Refusal(
    Code.RESOURCE_EXHAUSTED,
    "LeaseTasks was called more than {limit} times a second on this queue.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; text unknown",
)
LEASE_MAX_TASKS = Refusal(
    Code.INVALID_ARGUMENT,
    "LeaseTasksRequest.maxTasks must be between 1 and 1000, and is {max_tasks}.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; text unknown",
)
LEASE_DURATION = Refusal(
    Code.INVALID_ARGUMENT,
    "The lease duration must be between 0 and 1 week.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; text unknown",
)
LEASE_DURATION_MISSING = Refusal(
    Code.INVALID_ARGUMENT,
    "The lease duration is required.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; code and text unknown",
)
LEASE_FILTER = Refusal(
    Code.INVALID_ARGUMENT,
    "The filter of LeaseTasks must be tag=<a tag of fewer than 500 characters> or tag_function=oldest_tag(), and is"
    " '{filter}'.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; text unknown",
)
LEASE_SCHEDULE_TIME_MISSING = Refusal(
    Code.INVALID_ARGUMENT,
    "The task's current schedule time is required.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; code and text unknown",
)
LEASE_NOT_HELD = Refusal(
    Code.FAILED_PRECONDITION,
    "The schedule time is not the task's current one: the caller does not hold the lease.",
    Evidence.DOCUMENTED,
    f"{_DOCSTRING} of v2beta2; code and text unknown",
)
LEASE_EXPIRED = Refusal(
    Code.FAILED_PRECONDITION,
    "The task's lease has expired.",
    Evidence.REPORTED,
    f"{_SDK} (TASK_LEASE_EXPIRED); code and text unknown",
)
NOT_A_PULL_TASK = Refusal(
    Code.INVALID_ARGUMENT,
    "The task is not a pull task, and has no lease.",
    Evidence.OUR_CHOICE,
    "text unknown",
)
QUEUE_YAML_INVALID = Refusal(
    Code.INVALID_ARGUMENT,
    "The queue.yaml cannot be used: {reason}",
    Evidence.OUR_CHOICE,
    "code and text unknown",
)
QUEUE_YAML_UNREADABLE = Refusal(
    Code.UNIMPLEMENTED,
    "Here UploadQueueYaml takes PyYAML, which is not installed. Run `pip install pyyaml`.",
    Evidence.OUR_CHOICE,
    "the service needs none",
)
UNREGISTERED_CALLER = Refusal(
    Code.PERMISSION_DENIED,
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form"
    " of API consumer identity to call this API.",
    Evidence.RECORDED,
    "R §16.7",
)
NOT_MODELLED = Refusal(
    Code.UNIMPLEMENTED,
    "pytest-cloudtasks does not model {what}. Leave it out of the call, or give the client a stub for this one.",
    Evidence.OUR_CHOICE,
    "a refusal is honest where ignoring a setting would not be",
)
