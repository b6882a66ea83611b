"""Update masks: which fields of a resource an update changes, each as a whole."""

from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from hook0_server.api import rules
from hook0_server.model import errors


def paths(mask: FieldMask, resource: Message, changeable: Sequence[str]) -> list[str]:
    """The fields to change: those that the mask names, without a mask those that are set."""
    named = mask.paths or [descriptor.name for descriptor, _ in resource.ListFields()]
    return [path for path in changeable if path in named]


def judge(breaches: rules.Breaches, mask: FieldMask, changeable: Sequence[str]) -> None:
    """Each path must be the name of a field that can be changed."""
    for path in mask.paths:
        if path not in changeable:
            description = f"{errors.excerpt(path)} cannot be changed; what can: {', '.join(changeable)}"
            breaches.add("update_mask", description, "UPDATE_MASK_INVALID")
