"""What can be chosen in the filter of the audit log."""

from engage_server.records import AuditAction
from engage_server.web.console.showing.act_titles import act_titles


def test_every_action_stands_in_one_group_and_has_a_title_of_its_own_there() -> None:
    groups = act_titles()
    chosen = [action for _, kinds in groups for action, _ in kinds]
    assert sorted(chosen) == sorted(AuditAction)
    for _, kinds in groups:
        titles = [title for _, title in kinds]
        assert titles == sorted(set(titles), key=str.casefold)


def test_groups_are_sorted_and_what_is_in_none_comes_last() -> None:
    names = [group for group, _ in act_titles()]
    assert names == [*sorted(names[:-1]), "Other"]
