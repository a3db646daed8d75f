"""AWS's refusals in one line each: what was wanted, what AWS says, what to do."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from churn.errors import BadSetup, ChurnError, CloudUnavailable, NotAllowed, NotThere

# an API answers with its own codes, and S3 to a HEAD with the number alone: 400 for a token that has expired
EXPIRED = {"400", "ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
WRONG_KEY = {
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
DENIED = {"403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "UnauthorizedOperation"}
THROTTLED = {
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
ABSENT = {"404", "NoSuchKey", "NoSuchBucket", "ResourceNotFoundException"}

# raised before anything is sent: there is nothing in the network to look for
NO_LOGIN = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, SSOError, TokenRetrievalError)
BAD_WORDS = (ParamValidationError, ProfileNotFound, ConfigParseError, InvalidRegionError)


def complaint(what: str, error: Exception) -> ChurnError | None:
    """The error in our terms; None for one that is not boto3's."""
    if isinstance(error, ClientError):
        return refusal(what, error)
    says = unbroken(error)
    if isinstance(error, NO_LOGIN):
        return BadSetup(
            f"{what}: no credentials for AWS ({says}); `aws configure` or `aws sso login` makes some, "
            "AWS_PROFILE names which"
        )
    if isinstance(error, NoRegionError):
        return BadSetup(f"{what}: no region; set AWS_REGION, such as us-east-1")
    # for an address that is none boto3 has no class
    if isinstance(error, BAD_WORDS) or says.startswith("Invalid endpoint: "):
        return BadSetup(f"{what}: {says}; AWS was not asked: check the command, AWS_PROFILE and AWS_ENDPOINT_URL")
    if isinstance(error, BotoCoreError):
        return CloudUnavailable(f"{what}: AWS does not answer ({says}); check the network and AWS_REGION, and repeat")
    return None


def refusal(what: str, error: ClientError) -> ChurnError:
    """What AWS answered in place of what was asked for."""
    code = error.response["Error"].get("Code", "unknown")
    says = unbroken(error.response["Error"].get("Message") or "") or "no reason given"
    if code in EXPIRED:
        return BadSetup(f"{what}: the credentials have expired ({says}); log in again, such as by `aws sso login`")
    if code in WRONG_KEY:
        return BadSetup(f"{what}: AWS does not accept the credentials ({code}: {says}); check AWS_PROFILE and the keys")
    if code in DENIED:
        return NotAllowed(
            f"{what}: {error.operation_name} is not allowed ({says}); docs/emr.md lists the rights that are needed"
        )
    if code in THROTTLED:
        return CloudUnavailable(
            f"{what}: AWS throttles {error.operation_name}, after {retries(error)} retries still; wait, then repeat"
        )
    if code in ABSENT:
        return NotThere(f"{what}: not there ({code}: {says}); check the name and the region")
    return CloudUnavailable(f"{what}: {error.operation_name} is refused ({code}: {says})")


def unbroken(said: object) -> str:
    """The text without its line breaks."""
    return " ".join(str(said).split())


def retries(error: ClientError) -> int:
    """How often the call was repeated."""
    return int(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0))
