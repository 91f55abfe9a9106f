"""Copies of a course: what Moodle 4.5 keeps, and what gets new ids (its code read, and a copy launched, 2026-11)."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.practice_lms.model import LineItem, LmsCourse, ToolRegistration
from tests.practice_lms.registration import new_client_id

if TYPE_CHECKING:
    from tests.practice_lms.lms import PracticeLms


def copy_course(lms: "PracticeLms", source: LmsCourse, title: str, restored_elsewhere: bool) -> LmsCourse:
    """Copy the course without grades: new context and link ids; ``custom``, ``resourceId`` and ``tag`` as they were.

    A backup that is restored elsewhere brings its tools with new client ids and deployments, and no history.
    """
    with lms.state.lock:
        clients = _restored_tools(lms, source) if restored_elsewhere else {}
        history = ",".join(each for each in (source.id, source.copied_from) if each)
        activities = tuple(
            replace(activity, client_id=clients.get(activity.client_id, activity.client_id))
            for activity in source.activities
        )
        copied = lms.catalogue.add_course(
            replace(
                source,
                title=title or f"{source.title} copy 1",
                label=f"{source.label}_1",
                idnumber="",
                activities=activities,
                copied_from="" if restored_elsewhere else history,
                starts_at=int(lms.clock.timestamp()),
            )
        )
        links = {old.link_id: new.link_id for old, new in zip(source.activities, copied.activities, strict=True)}
        _copy_other_items(lms, (source, copied), links, clients)
        lms.state.save()
    return copied


def _restored_tools(lms: "PracticeLms", source: LmsCourse) -> dict[str, str]:
    """Registrations that the restore brings along, by the client id that the activities have in the source."""
    clients = {}
    for old in dict.fromkeys(activity.client_id for activity in source.activities):
        tool: ToolRegistration = lms.registration(old)
        new = replace(tool, client_id=new_client_id(), deployment_id=lms.next_deployment_id())
        lms.keep_registration(new)
        clients[old] = new.client_id
    return clients


def _copy_other_items(
    lms: "PracticeLms", courses: tuple[LmsCourse, LmsCourse], links: dict[str, str], clients: dict[str, str]
) -> None:
    """Copy the line items that no activity brings: those of the course itself, and second ones of a link."""
    source, copied = courses
    brought = {item.link_id for item in lms.state.line_items.values() if item.course_id == copied.id}
    for item in [item for item in lms.state.line_items.values() if item.course_id == source.id]:
        link_id = None if item.link_id is None else links.get(item.link_id)
        if link_id is not None and link_id in brought:
            brought.discard(link_id)
            continue
        client_id = clients.get(item.client_id, item.client_id)
        lms.state.add_line_item(
            LineItem(0, copied.id, item.label, item.maximum, item.resource_id, item.tag, link_id, client_id)
        )
