"""Microsoft's own client of Key Vault against the double: what it sends, and whether it takes the answers for real.

    python azure_fidelity.py SCENARIO

A scenario is one of the functions below that are marked so. It says nothing when all is well and ends with a traceback
when something is not. Where the double is, and who may use it, comes from the environment (DOUBLE_*). Secrets are made
up here, so that it does no harm when an assertion shows one.
"""

import datetime
import os
import sys
from urllib.parse import urlsplit

import requests
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient

VAULT = os.environ["DOUBLE_VAULT"]
AUTHORITY = os.environ["DOUBLE_AUTHORITY"]
METADATA = os.environ["DOUBLE_METADATA"]
TENANT = os.environ["DOUBLE_TENANT"]
CLIENT = os.environ["DOUBLE_CLIENT"]
SECRET_FILE = os.environ["DOUBLE_SECRET_FILE"]
TOKEN_FILE = os.environ["DOUBLE_TOKEN_FILE"]
CA = os.environ["DOUBLE_CA"]

SCOPE = "https://vault.azure.net/.default"
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


class Watched(RequestsTransport):
    """Trusts the double, remembers what went out and how long the client meant to wait, and does not wait."""

    def __init__(self, ca=CA):
        super().__init__(connection_verify=ca)
        self.sent = []
        self.waits = []

    def send(self, request, **kwargs):
        response = super().send(request, **kwargs)
        bearer = "Authorization" in request.headers
        self.sent.append((request.method, urlsplit(request.url).path, bearer, response.status_code))
        return response

    def sleep(self, duration):
        self.waits.append(duration)


def directory(**options):
    """What makes azure-identity ask the double: its own list of Microsoft's hosts does not have it."""
    return {"authority": AUTHORITY, "disable_instance_discovery": True, "transport": Watched(), **options}


def application(secret=None, tenant=TENANT, client=CLIENT, **options):
    if secret is None:
        with open(SECRET_FILE, encoding="utf-8") as file:
            secret = file.read()
    return ClientSecretCredential(tenant, client, secret, **directory(**options))


def vault(credential=None, **options):
    settings = {"verify_challenge_resource": False, "transport": Watched(), **options}
    return SecretClient(VAULT, credential or application(), **settings)


def equal(got, want):
    assert got == want, f"got {got!r}, not {want!r}"


def refused(error_type, action, *parts):
    """The error that an action must end with, with each of these in its text."""
    try:
        action()
    except error_type as error:
        for part in parts:
            assert part in str(error), f"{part!r} is not in {error}"
        return error
    raise AssertionError(f"no {error_type.__name__} came")


def code(error, inner=None):
    """What error.code and error.innererror.code say, as azure-core found them in the body."""
    found = error.error
    nested = found.innererror.get("code") if found.innererror else None
    return found.code, nested


@scenario
def life_of_a_secret():
    client = vault()
    tags = {"team": "payments"}
    first = client.set_secret("db-password", "first", content_type="text/plain", tags=tags)
    second = client.set_secret("db-password", "second")
    assert first.properties.version != second.properties.version
    equal(len(first.properties.version), 32)

    # The client sends /secrets/NAME/ for the current version.
    current = client.get_secret("db-password")
    equal((current.name, current.value, current.id), ("db-password", "second", second.id))
    equal(current.id, f"{VAULT}/secrets/db-password/{second.properties.version}")
    old = client.get_secret("db-password", first.properties.version)
    equal((old.value, old.properties.content_type, old.properties.tags), ("first", "text/plain", tags))
    equal((old.properties.enabled, old.properties.recoverable_days), (True, 90))
    equal(old.properties.recovery_level, "Recoverable+Purgeable")
    assert isinstance(old.properties.created_on, datetime.datetime), "created_on is a time"
    equal(client.get_secret("DB-Password").id, second.id)

    # A new version has nothing from the one before.
    equal((current.properties.content_type, current.properties.tags), (None, None))

    unknown = refused(ResourceNotFoundError, lambda: client.get_secret("db-password", "0" * 32))
    equal(code(unknown), ("SecretNotFound", None))
    equal(code(refused(ResourceNotFoundError, lambda: client.get_secret("none"))), ("SecretNotFound", None))
    equal(code(refused(HttpResponseError, lambda: client.get_secret("no_name"))), ("BadParameter", None))
    too_long = refused(HttpResponseError, lambda: client.set_secret("long", "x" * (25 * 1024 + 1)))
    equal(code(too_long), ("BadParameter", None))
    equal(client.set_secret("empty", "").value, "")

    # Disabling one version leaves the others readable, and itself listed.
    changed = client.update_secret_properties("db-password", second.properties.version, enabled=False)
    equal((changed.enabled, changed.version), (False, second.properties.version))
    disabled = refused(HttpResponseError, lambda: client.get_secret("db-password"))
    equal((disabled.status_code, code(disabled)), (403, ("Forbidden", "SecretDisabled")))
    equal(client.get_secret("db-password", first.properties.version).value, "first")
    listed = {p.version: p.enabled for p in client.list_properties_of_secret_versions("db-password")}
    equal(listed, {first.properties.version: True, second.properties.version: False})
    client.update_secret_properties("db-password", enabled=True)
    equal(client.get_secret("db-password").value, "second")


@scenario
def deleted_and_recovered():
    client = vault()
    version = client.set_secret("doomed", "value").properties.version
    client.set_secret("stays", "value")

    deletion = client.begin_delete_secret("doomed", _polling_interval=0)
    deletion.wait()
    deleted = deletion.result()
    equal((deleted.name, deleted.properties.version), ("doomed", version))
    equal(deleted.recovery_id, f"{VAULT}/deletedsecrets/doomed")
    equal(deleted.scheduled_purge_date - deleted.deleted_date, datetime.timedelta(days=90))

    gone = refused(ResourceNotFoundError, lambda: client.get_secret("doomed"))
    equal(code(gone), ("SecretNotFound", None))
    taken = refused(ResourceExistsError, lambda: client.set_secret("doomed", "again"))
    equal((taken.status_code, code(taken)), (409, ("Conflict", "ObjectIsDeletedButRecoverable")))
    equal([p.name for p in client.list_properties_of_secrets()], ["stays"])
    equal([d.name for d in client.list_deleted_secrets()], ["doomed"])
    equal(client.get_deleted_secret("doomed").name, "doomed")

    recovery = client.begin_recover_deleted_secret("doomed", _polling_interval=0)
    recovery.wait()
    equal((recovery.result().name, recovery.result().version), ("doomed", version))
    equal(client.get_secret("doomed").value, "value")

    client.begin_delete_secret("doomed", _polling_interval=0).wait()
    client.purge_deleted_secret("doomed")
    refused(ResourceNotFoundError, lambda: client.get_deleted_secret("doomed"))
    refused(ResourceNotFoundError, lambda: client.begin_recover_deleted_secret("doomed"))
    refused(ResourceNotFoundError, lambda: client.begin_delete_secret("doomed"))
    refused(ResourceNotFoundError, lambda: client.purge_deleted_secret("doomed"))
    # A purged name is free, and begins anew.
    equal(client.set_secret("doomed", "reborn").value, "reborn")
    equal(len(list(client.list_properties_of_secret_versions("doomed"))), 1)


@scenario
def lists_come_in_pages():
    client = vault()
    names = [f"secret-{number:02}" for number in range(60)]
    for name in names:
        client.set_secret(name, "value")
    # 25 is the service's own size of a page.
    equal([len(list(page)) for page in client.list_properties_of_secrets().by_page()], [25, 25, 10])
    pages = client.list_properties_of_secrets(max_page_size=7).by_page()
    equal([len(list(page)) for page in pages], [7] * 8 + [4])
    listed = list(client.list_properties_of_secrets(max_page_size=20))
    equal([p.name for p in listed], names)
    equal({p.version for p in listed}, {None})
    equal({p.id for p in listed}, {f"{VAULT}/secrets/{name}" for name in names})

    written = {client.set_secret("many", str(number)).properties.version for number in range(5)}
    pages = client.list_properties_of_secret_versions("many", max_page_size=2).by_page()
    pages = [[p.version for p in page] for page in pages]
    equal([len(page) for page in pages], [2, 2, 1])
    equal({version for page in pages for version in page}, written)
    equal(list(client.list_properties_of_secret_versions("none")), [])

    for size in (0, 26):
        action = lambda: list(client.list_properties_of_secrets(max_page_size=size))
        equal(code(refused(HttpResponseError, action)), ("BadParameter", None))


@scenario
def a_challenge_comes_first():
    transport = Watched()
    client = vault(transport=transport)
    # The first request has neither token nor body; the second one is the same with both.
    client.set_secret("greeting", "hello")
    client.get_secret("greeting")
    equal(
        transport.sent,
        [
            ("PUT", "/secrets/greeting", False, 401),
            ("PUT", "/secrets/greeting", True, 200),
            ("GET", "/secrets/greeting/", True, 200),
        ],
    )

    answer = requests.get(f"{VAULT}/secrets/greeting", verify=CA, timeout=20)
    equal(answer.status_code, 401)
    equal(
        answer.headers["WWW-Authenticate"],
        f'Bearer authorization="{AUTHORITY}/{TENANT}", resource="https://vault.azure.net"',
    )
    equal(answer.json()["error"]["code"], "Unauthorized")
    for token in ("Bearer made-up", "Basic dTpw"):
        answer = requests.get(f"{VAULT}/secrets/greeting", verify=CA, timeout=20, headers={"Authorization": token})
        equal((answer.status_code, "WWW-Authenticate" in answer.headers), (401, True))

    # The double's host is not below vault.azure.net, and the client checks that by default.
    suspicious = vault(verify_challenge_resource=True)
    refused(ValueError, lambda: suspicious.get_secret("greeting"), "does not match the requested domain")


@scenario
def every_way_to_sign_in():
    # App Service's variables come first, else they hide the machine's endpoint.
    app_service = ManagedIdentityCredential()
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        del os.environ[name]
    os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = METADATA
    ways = {
        "secret": application(),
        "workload identity": WorkloadIdentityCredential(
            tenant_id=TENANT, client_id=CLIENT, token_file_path=TOKEN_FILE, **directory()
        ),
        "App Service": app_service,
        "virtual machine": ManagedIdentityCredential(),
        "virtual machine, by id": ManagedIdentityCredential(client_id=CLIENT),
    }
    vault().set_secret("greeting", "hello")
    for way, credential in ways.items():
        try:
            equal(vault(credential).get_secret("greeting").value, "hello")
        except Exception as error:
            raise AssertionError(f"signing in by {way}: {error}") from error

    def sign_in(credential):
        return lambda: credential.get_token(SCOPE)

    refused(ClientAuthenticationError, sign_in(application(secret="wrong")), "AADSTS7000215")
    refused(ClientAuthenticationError, sign_in(application(client="nobody")), "AADSTS700016")
    refused(ClientAuthenticationError, sign_in(application(tenant="nowhere")), "check your tenant")
    elsewhere = application()
    scope = "https://graph.microsoft.com/.default"
    refused(ClientAuthenticationError, lambda: elsewhere.get_token(scope), "AADSTS500011")
    with open(TOKEN_FILE, "r+", encoding="utf-8") as file:
        token = file.read()
        for text, problem in ((token[:-2] + "AA", "AADSTS700213"), ("no token", "AADSTS50027")):
            file.seek(0)
            file.truncate()
            file.write(text)
            file.flush()
            stranger = WorkloadIdentityCredential(
                tenant_id=TENANT, client_id=CLIENT, token_file_path=TOKEN_FILE, **directory()
            )
            refused(ClientAuthenticationError, sign_in(stranger), problem)
    another = ManagedIdentityCredential(client_id="another")
    refused(ClientAuthenticationError, sign_in(another), "Identity not found")


@scenario
def discovery_of_the_instance():
    answer = requests.get(
        f"{AUTHORITY}/common/discovery/instance",
        params={"api-version": "1.1", "authorization_endpoint": f"{AUTHORITY}/{TENANT}/oauth2/v2.0/authorize"},
        verify=CA,
        timeout=20,
    )
    configuration = requests.get(answer.json()["tenant_discovery_endpoint"], verify=CA, timeout=20).json()
    equal(configuration["token_endpoint"], f"{AUTHORITY}/{TENANT}/oauth2/v2.0/token")


@scenario
def dates_only_inform():
    client = vault()
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    day = datetime.timedelta(days=1)
    client.set_secret("expired", "old", not_before=now - 2 * day, expires_on=now - day)
    client.set_secret("not-yet", "new", not_before=now + day)
    expired = client.get_secret("expired")
    equal((expired.value, expired.properties.expires_on), ("old", now - day))
    early = client.get_secret("not-yet")
    equal((early.value, early.properties.not_before, early.properties.expires_on), ("new", now + day, None))


@scenario
def versions_of_the_api():
    credential = application()
    client = vault(credential)
    client.set_secret("greeting", "hello")
    for version in ("7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"):
        equal(vault(credential, api_version=version).get_secret("greeting").value, "hello")
    unknown = vault(credential, api_version="7.1")
    equal(code(refused(HttpResponseError, lambda: unknown.get_secret("greeting"))), ("BadParameter", None))
    headers = {"Authorization": f"Bearer {credential.get_token(SCOPE).token}"}
    missing = requests.get(f"{VAULT}/secrets/greeting", headers=headers, verify=CA, timeout=20)
    equal((missing.status_code, missing.json()["error"]["code"]), (400, "BadParameter"))


@scenario
def a_throttled_vault_is_given_its_time():
    """The test has put 429 in store: two with 7 seconds at the vault, one with 3 at the directory."""
    at_directory, at_vault = Watched(), Watched()
    client = vault(application(transport=at_directory), transport=at_vault)
    equal(client.get_secret("greeting").value, "hello")
    equal(at_vault.waits, [7, 7])
    equal(at_directory.waits, [3])


@scenario
def throttled_for_good():
    """The test has put 429 in store without end."""
    client = vault(retry_total=1)
    error = refused(HttpResponseError, lambda: client.get_secret("greeting"))
    equal((error.status_code, code(error)), (429, ("Throttled", None)))


@scenario
def no_right_to_a_secret():
    """The test has denied it."""
    error = refused(HttpResponseError, lambda: vault().get_secret("greeting"))
    equal((error.status_code, code(error)), (403, ("Forbidden", "ForbiddenByRbac")))


@scenario
def an_expired_certificate_is_refused():
    """The test has started the vault with one."""
    client = vault(retry_total=0)
    refused(ServiceRequestError, lambda: client.get_secret("greeting"), "certificate has expired")


@scenario
def an_unknown_authority_is_refused():
    client = vault(transport=Watched(ca=True), retry_total=0)
    refused(ServiceRequestError, lambda: client.get_secret("greeting"), "CERTIFICATE_VERIFY_FAILED")


if __name__ == "__main__":
    SCENARIOS[sys.argv[1]]()
