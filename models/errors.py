"""Every error that a person may read, in one tree.

The message of each is one sentence or two: what is wrong, with which file or key, what was found,
and what to do. How an error leaves the program is an attribute of its class, so that neither the
command line nor the service needs a chain of ifs. Nothing here imports HTTP or the command line.

    TransferError                     exit 1, HTTP 500
    ├── UsageError                    exit 2: the command was called wrongly, nothing was done
    │   ├── DataFolderError           the folder of pictures is missing, empty or of no known layout
    │   ├── BackboneError             unknown, or has no spatial feature map
    │   ├── WeightsError              cannot be had, or do not fit the backbone
    │   └── OutputError               a place to write to cannot be written
    ├── PicturesGoneError             pictures that could be read before cannot be any more
    ├── ExportError                   the ONNX file does not agree with the network
    ├── BundleError                   a file that is no bundle of ours, or no longer whole
    ├── ProviderError                 an execution provider was asked for and did not come up
    ├── StoreError                    the store has no such bundle
    └── RequestError                  HTTP 400: what a client sent
        ├── ImageError                HTTP 400: bytes that are no picture, or a broken one
        │   └── ImageTooLargeError    HTTP 413: more pixels, time or memory than allowed
        ├── UnknownModelError         HTTP 404
        ├── SlowBodyError             HTTP 408
        ├── UnauthorizedError         HTTP 401: no key, or one that is not known
        ├── BodyTooLargeError         HTTP 413
        ├── MediaTypeError            HTTP 415
        ├── UnknownClassError         HTTP 422
        ├── OptionError               HTTP 422: an option that has no such value, or has two
        └── OverloadedError           HTTP 503, with Retry-After
"""

from typing import ClassVar


def first_line(error: BaseException) -> str:
    """What an error of another library says, short enough to stand in a sentence of ours."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


class TransferError(Exception):
    """What went wrong, as a sentence for a person."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500


class UsageError(TransferError):
    """The command was called with something it cannot work with."""

    exit_code = 2


class DataFolderError(UsageError):
    """The folder of pictures cannot be learned from."""


class BackboneError(UsageError):
    """No such backbone, or one without a spatial feature map."""


class WeightsError(UsageError):
    """The weights cannot be had, or do not fit the backbone."""


class OutputError(UsageError):
    """A folder that results should go to cannot be written."""


class PicturesGoneError(TransferError):
    """Pictures that a run has read cannot be read any more, and it needs them."""


class ExportError(TransferError):
    """The exported file does not do what the network does."""


class BundleError(TransferError):
    """A file that is no bundle, of another format, or no longer whole."""


class ProviderError(TransferError):
    """An execution provider was asked for by name and did not come up."""


class StoreError(TransferError):
    """The model store has no such bundle."""


class RequestError(TransferError):
    """What a client sent cannot be answered."""

    http_status = 400


class ImageError(RequestError):
    """Bytes that are no picture that is read here, or a broken one."""


class ImageTooLargeError(ImageError):
    """A picture that takes more than allowed: pixels by its header, time or memory to decode."""

    http_status = 413


class UnknownModelError(RequestError):
    """A model that is not served here."""

    http_status = 404


class SlowBodyError(RequestError):
    """A request body that did not arrive in time."""

    http_status = 408


class UnauthorizedError(RequestError):
    """A request without a key that opens the service."""

    http_status = 401


class BodyTooLargeError(RequestError):
    """A request body, or a number of pictures, above the limit."""

    http_status = 413


class MediaTypeError(RequestError):
    """A request that is not of the media type that the route takes."""

    http_status = 415


class UnknownClassError(RequestError):
    """A class name that the model does not know."""

    http_status = 422


class OptionError(RequestError):
    """An option of a request with a value that there is not, or with two that differ."""

    http_status = 422


class OverloadedError(RequestError):
    """More is asked for than can be answered in time."""

    http_status = 503
