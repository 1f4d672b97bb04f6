"""The role that a repository of GitHub takes: who may take it.

GitHub says in a signed token which job asks, and AWS lets it in by what the token says: no
key is stored anywhere.
"""

from collections.abc import Mapping
from typing import Any

ISSUER = "token.actions.githubusercontent.com"

RUNNERS = {"x86_64": "ubuntu-24.04", "arm64": "ubuntu-24.04-arm"}
"""What GitHub calls its machines; an image is built on its own processor."""


def numbered(repository: str) -> str:
    """Return the repository with the numbers of owner and name, * where they are not said.

    GitHub calls repositories so that are newer than 15 July 2026: a number is never given
    again, as a name is. https://github.blog/changelog/
    2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/

    Parameters
    ----------
    repository
        OWNER/NAME or OWNER@1/NAME@2.
    """
    owner, _, name = repository.partition("/")
    return repository if "@" in name else f"{owner}@*/{name}@*"


def provider(iam: Any, before: Mapping[str, str]) -> str:
    """Return whether the stack makes the account's identity provider for GitHub.

    An account has one at most. The stack that made it finds its own later, and must go
    on making it.

    Parameters
    ----------
    before
        The stack's parameters so far; empty where there is no stack.
    """
    if "Provider" in before:
        return before["Provider"]
    found = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    exists = any(each["Arn"].endswith(f"/{ISSUER}") for each in found)
    return "existing" if exists else "new"
