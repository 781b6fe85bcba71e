import inspect

import beartype.roar
import beartyped
import pytest
import typeguard
import typeguarded
from conftest import seen
from google.cloud.tasks_v2.services.cloud_tasks import client


def facts(*modules):
    return [
        (
            module.__name__,
            type(module.__loader__).__name__,
            type(module.__spec__).__name__,
            module.__spec__.loader is module.__loader__,
            sorted(vars(module.__loader__)),
            bool(inspect.getsource(module)),
        )
        for module in modules
    ]


@pytest.mark.parametrize(
    ("module", "error"),
    [(beartyped, beartype.roar.BeartypeCallHintViolation), (typeguarded, typeguard.TypeCheckError)],
)
def test_checked(module, error):
    with pytest.raises(error):
        module.order("one")


def test_failing():
    assert [seen, facts(beartyped, typeguarded, client)] == []
