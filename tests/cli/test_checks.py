import pytest

from openai_realtime.cli.checks import check_base_url, check_key, check_libraries, required


@pytest.mark.parametrize(
    ("key", "ok", "found"),
    [
        ("", False, "not set"),
        (None, False, "not set"),
        ("sk-proj-0123456789abcdef", True, "sk-***"),
        (" sk-proj-0123456789abcdef\n", True, "sk-***"),
        ("sk-...", False, "cut short"),
        ("sk-short", False, "cut short"),
        ("ek_0123456789abcdef", False, "a client secret"),
        ("sk-abc 0123456789abcdef", False, "api_key: "),
        ("my-gateway-key", True, "in another form"),
    ],
)
def test_keys(key: object, ok: bool, found: str) -> None:  # noqa: FBT001 - a parameter of the table
    check = check_key(key)
    assert (check.ok, bool(check.fix)) == (ok, not ok)
    assert found in check.found
    assert "abcdef" not in check.found


def test_the_base_url_of_openai_ends_in_v1() -> None:
    assert check_base_url({}, {}).ok
    check = check_base_url({}, {"OPENAI_BASE_URL": "https://api.openai.com"})
    assert (check.ok, check.fix) == (False, "OpenAI's is https://api.openai.com/v1")


def test_libraries_and_their_least_versions() -> None:
    least = required(["aiohttp>=3.11.11", 'click>=8.1.7; extra == "cli"', "ruff>=0.9; extra == 'test'", "attrs"])
    assert least == {"aiohttp": "3.11.11", "click": "8.1.7"}
    assert check_libraries(least, {"aiohttp": "3.12.0rc1", "click": "8.2"}.__getitem__).ok
    check = check_libraries(least, {"aiohttp": "3.9", "click": "8.2"}.__getitem__)
    assert (check.ok, check.fix) == (False, "pip install 'aiohttp>=3.11.11'")
