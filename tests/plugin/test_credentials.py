"""Code that looks for Google's credentials on a machine without any: errors, hints, and the ini file's option."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.credentials import have_no_credentials

URL = "https://cloudtasks.googleapis.com/v2/projects/p/locations/l/queues/q"
OUTSIDE = "No fake is active here, so google-auth looked for credentials on this machine."


@pytest.fixture(autouse=True)
def _without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine has no Google credentials, and looking for a metadata server would take time."""
    have_no_credentials(monkeypatch, tmp_path)


def text_of(result: pytest.RunResult) -> str:
    return result.stdout.str() + result.stderr.str()


CLIENTS = {
    "AuthorizedSession": """
        from google.auth.transport.requests import AuthorizedSession

        def call(url):
            AuthorizedSession(Unfetched()).request("get", url)
    """,
    "AuthorizedHttp": """
        from google_auth_httplib2 import AuthorizedHttp

        def call(url):
            AuthorizedHttp(Unfetched()).request(url + "?alt=json")
    """,
    "urllib3": """
        from google.auth.transport.urllib3 import AuthorizedHttp

        def call(url):
            AuthorizedHttp(Unfetched()).request("GET", url)
    """,
}


@pytest.mark.parametrize("code", CLIENTS.values(), ids=CLIENTS)
def test_a_call_is_rejected_before_its_token_is_fetched(pytester: pytest.Pytester, code: str) -> None:
    """Credentials that can't be fetched don't matter, as the call is not made."""
    pytester.makepyfile(
        app="""
        from google.auth import compute_engine

        class Unfetched(compute_engine.Credentials):
            def refresh(self, request):
                raise AssertionError("a token was fetched")
        """
    )
    pytester.makepyfile(shop="from app import Unfetched\n" + "\n".join(line[8:] for line in code.splitlines()))
    pytester.makepyfile(f"import shop\n\ndef test_it():\n    shop.call({URL!r})")
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse")
    result.assert_outcomes(failed=1)
    text = (
        f'GET {URL} was blocked: no fake is active, and outside="refuse" blocks calls to the real service. Ask for the'
        " cloud_tasks fixture in the test or fixture that makes the call, mark the test with"
        " @pytest.mark.cloud_tasks, or allow it with"
        ' @pytest.mark.cloud_tasks(outside="real").\nThe call was made at shop.py:'
    )
    assert text in result.stdout.str()


def test_other_hosts_get_their_token(pytester: pytest.Pytester) -> None:
    """Only calls to Cloud Tasks are blocked."""
    pytester.makepyfile(
        """
        from google.auth import credentials

        class Fresh(credentials.Credentials):
            def refresh(self, request):
                self.token = "fresh"

        def test_it():
            headers = {}
            Fresh().before_request(None, "GET", "https://storage.googleapis.com/b", headers)
            assert headers["authorization"] == "Bearer fresh"
        """
    )
    pytester.runpytest("-o", "cloud_tasks_outside=refuse").assert_outcomes(passed=1)


@pytest.mark.parametrize("outside", ["refuse", "real"])
def test_a_failed_search_says_that_no_fake_is_active(pytester: pytest.Pytester, outside: str) -> None:
    """What asks for credentials before it names a URL can't be blocked; the failure says what is missing."""
    pytester.makepyfile("import google.auth\n\ndef test_it():\n    google.auth.default()")
    result = pytester.runpytest("-o", f"cloud_tasks_outside={outside}")
    result.assert_outcomes(failed=1)
    assert (
        f"{OUTSIDE} Use the cloud_tasks fixture: its fake answers requests for tokens. With the option google_auth,"
        " google.auth.default() finds credentials, too: @pytest.mark.cloud_tasks(google_auth=True)."
    ) in result.stdout.str()


def test_a_token_of_gcloud_aio_that_is_not_found_has_the_hint(pytester: pytest.Pytester) -> None:
    """Its errors are those of its HTTP library, so the hint goes by where they come from."""
    pytester.makepyfile(
        """
        import asyncio
        import io

        from gcloud.aio.auth import Token

        class Session:
            async def post(self, *args, **options):
                raise OSError("no network")

        async def fetch():
            token = Token(io.StringIO(CREDENTIALS))
            token.session = Session()
            await token.acquire_access_token.__wrapped__(token)

        CREDENTIALS = '''{"type": "authorized_user", "client_id": "", "client_secret": "", "refresh_token": ""}'''

        def test_it():
            asyncio.run(fetch())
        """
    )
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse")
    result.assert_outcomes(failed=1)
    assert OUTSIDE in result.stdout.str()


def test_other_failures_have_no_hint(pytester: pytest.Pytester) -> None:
    """A failure that isn't about credentials is left as it is."""
    pytester.makepyfile("def test_it():\n    raise OSError('no network')")
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse")
    assert "Cloud Tasks" not in result.stdout.str()


def test_a_failed_search_inside_a_fake_names_the_option(pytester: pytest.Pytester) -> None:
    """The fake is active, and the search ended before it asked the fake."""
    pytester.makepyfile("import google.auth\n\ndef test_it(cloud_tasks):\n    google.auth.default()")
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    assert (
        "google.auth.default() looked for credentials on this machine. With the option google_auth it finds those of"
        " Cloud Run: @pytest.mark.cloud_tasks(google_auth=True), or cloud_tasks_google_auth = true in the ini file."
        in result.stdout.str()
    )


def test_a_failed_search_at_import_names_the_option_of_the_ini_file(pytester: pytest.Pytester) -> None:
    """The module can't be collected, and its error says what would help."""
    pytester.makepyfile("import google.auth\n\ngoogle.auth.default()\n\ndef test_it():\n    pass")
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    assert (
        "No test is running, so no fake is active and google-auth looked for credentials on this machine. With"
        " cloud_tasks_google_auth = true in the ini file, google.auth.default() finds those of Cloud Run during the"
        " whole run. Using them needs a fake." in result.stdout.str()
    )


INI = ("-o", "cloud_tasks_google_auth=true", "-o", "cloud_tasks_project=shop")


def test_a_test_may_have_the_machines_credentials(pytester: pytest.Pytester) -> None:
    """A marker takes the option of the ini file back, and so does one that lets calls through."""
    pytester.makepyfile(
        """
        import google.auth
        import pytest
        from google.auth.exceptions import DefaultCredentialsError

        def test_nothing():
            assert google.auth.default()[1] == "shop"

        @pytest.mark.parametrize("time", [1, 2])
        @pytest.mark.cloud_tasks(outside="real")
        def test_real(time):
            with pytest.raises(DefaultCredentialsError):
                google.auth.default()

        @pytest.mark.cloud_tasks(google_auth=False)
        def test_without():
            with pytest.raises(DefaultCredentialsError):
                google.auth.default()

        def test_nothing_again():
            assert google.auth.default()[1] == "shop"
        """
    )
    pytester.runpytest(*INI, "-p", "no:randomly").assert_outcomes(passed=5)


@pytest.mark.parametrize(
    "code",
    [
        "google.auth.default()[0].refresh(Request())",
        "asyncio.run(token())",
        "requests.get('http://169.254.169.254/computeMetadata/v1/project/project-id')",
    ],
    ids=["google-auth", "gcloud-aio", "by IP"],
)
def test_a_token_that_only_a_fake_can_give_is_rejected(pytester: pytest.Pytester, code: str) -> None:
    """With the option in the ini file and outside = refuse, nobody waits for a metadata server that isn't there."""
    pytester.makepyfile(
        f"""
        import asyncio
        import io

        import aiohttp
        import google.auth
        import requests
        from gcloud.aio.auth import Token
        from google.auth.transport.requests import Request

        async def token():
            async with aiohttp.ClientSession() as session:
                return await Token(io.StringIO("{{}}"), session).get()

        def test_it():
            {code}
        """
    )
    result = pytester.runpytest(*INI, "-o", "cloud_tasks_outside=refuse")
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines(
        [
            r"GET http://(metadata\.google\.internal|169\.254\.169\.254)/computeMetadata/v1/\S+ was blocked: no fake"
            r' is active, and outside="refuse" blocks calls to the real service\. Ask for the cloud_tasks fixture in'
        ]
    )


def test_the_metadata_server_is_asked_without_the_option(pytester: pytest.Pytester) -> None:
    """outside = refuse alone blocks calls to Cloud Tasks, and no request for a token."""
    pytester.makepyfile(
        """
        import pytest
        import requests

        def test_it():
            with pytest.raises(requests.exceptions.ProxyError):
                proxies = {"http": "http://127.0.0.1:9"}
                requests.get("http://metadata.google.internal/computeMetadata/v1/", proxies=proxies)
        """
    )
    pytester.runpytest("-o", "cloud_tasks_outside=refuse").assert_outcomes(passed=1)


def test_the_run_before_is_not_concerned(pytester: pytest.Pytester) -> None:
    """When the run ends, the search is the machine's again."""
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    pytester.makepyfile("def test_it():\n    pass")
    pytester.runpytest(*INI).assert_outcomes(passed=1)
    with pytest.raises(DefaultCredentialsError):
        google.auth.default()
