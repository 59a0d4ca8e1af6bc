"""Work that no service asks for: `free_worker` and `confined_worker` do it."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from models.decoding.framing import Message
from models.decoding.kinds import KINDS, Kinds


@dataclass(frozen=True)
class Python:
    """Runs some Python, of which `found` is the answer."""

    kind: ClassVar[str] = "python"
    code: str
    longest: ClassVar[int] = 2**26

    def message(self) -> Message:
        return Message({"code": self.code})

    @classmethod
    def of(cls, message: Message) -> Self:
        return cls(message.fields["code"])

    def done(self) -> Message:
        names: dict[str, Any] = {}
        exec(self.code, names)  # noqa: S102
        return Message(data=json.dumps(names.get("found")).encode())

    def answer(self, message: Message) -> Any:
        return json.loads(message.data)


PID = Python("import os; found = os.getpid()")

#: With the kind above.
ODD: Kinds = {**KINDS, Python.kind: Python}
