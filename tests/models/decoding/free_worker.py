"""A process that does odd work, and keeps its rights."""

import sys

from models.decoding.worker import serve, way_back
from tests.models.decoding.odd_work import ODD

if __name__ == "__main__":
    sys.exit(serve(ODD, way_back(), is_confined=False))
