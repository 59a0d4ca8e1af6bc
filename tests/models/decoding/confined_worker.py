"""A process that does odd work, and has given up what one of a service has."""

import resource  # noqa: F401  what a picture may bring along with its code
import socket  # noqa: F401
import sys

from models.decoding.worker import main
from tests.models.decoding.odd_work import ODD

if __name__ == "__main__":
    sys.exit(main(ODD))
