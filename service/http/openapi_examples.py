"""Examples for the OpenAPI document. A test reads each by the type that it is an example of."""

from typing import Any, Final

_MODEL: Final = "screws_nuts:z6gcj3xhnkstyax4"

_CLASSIFIED: Final = {
    "file_name": "screw.jpg",
    "label": "screws",
    "probability": 0.997,
    "probabilities": {"nuts": 0.003, "screws": 0.997},
}

_REFUSED: Final = {
    "file_name": "notes.txt",
    "error": "this is no picture that can be read here",
    "status": 400,
}

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "Classification": {"model": _MODEL, "predictions": [_CLASSIFIED, _REFUSED]},
    "Explanation": {
        "model": _MODEL,
        "file_name": "screw.jpg",
        "label": "screws",
        "probability": 0.997,
        "probabilities": {"nuts": 0.003, "screws": 0.997},
        "class": "screws",
        "class_probability": 0.997,
        "width": 640,
        "height": 480,
        "box": [80.0, 0.0, 560.0, 480.0],
        "heatmap": [[0.0, 0.2, 0.1], [0.3, 1.0, 0.6], [0.1, 0.4, 0.2]],
    },
    "Models": {
        "models": [
            {
                "model": _MODEL,
                "name": "screws_nuts",
                "is_default": True,
                "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "classes": ["nuts", "screws"],
                "provider": "cpu",
                "backbone": "mobilenetv2_100",
                "weights": "imagenet",
                "precision": "int8",
                "input_width": 224,
                "input_height": 224,
                "framing": "squash",
                "accuracy": 0.978,
                "accuracy_interval": [0.923, 0.994],
                "held_out": 90,
                "trained_on": 410,
                "created": "2026-11-24T08:00:00+00:00",
            }
        ]
    },
    "NothingClassified": {
        "error": "none of the 2 pictures could be answered",
        "predictions": [_REFUSED, _REFUSED],
    },
}

#: Sentences by status, as clients read them.
PROBLEMS: Final = {
    400: "there is no file in the field 'image'",
    401: "this service needs a key: send the header Authorization: Bearer KEY",
    404: "no model 'bolts' is served; served are: screws_nuts",
    408: "the body did not arrive in time",
    413: "the body is too large: at most 33,554,432 bytes are read",
    415: "send the picture as multipart/form-data; this request is application/json",
    422: "unknown class 'bolts'; known are: nuts, screws",
    500: "this failed here, not at your end; the log has the reason",
    503: "the queue is full: of 256 places 256 are taken and 1 more wanted; try again in a moment",
}
