from hook0_server.model import routing


def test_the_label_that_the_fewest_share_is_chosen() -> None:
    assert routing.label(["**"], {"env=prod": 900, "tenant=acme": 1, "zone=eu": 30}) == "tenant=acme"


def test_equally_shared_labels_are_chosen_by_name_so_that_saving_again_changes_nothing() -> None:
    assert routing.label(["**"], {"b=1": 0, "a=1": 0}) == routing.label(["**"], {"a=1": 0, "b=1": 0}) == "a=1"


def test_without_labels_a_single_plain_type_is_the_route() -> None:
    assert routing.label(["a.b"], {}) == "=a.b"


def test_without_labels_anything_else_is_looked_at_by_every_event() -> None:
    assert routing.label(["a.*"], {}) == routing.label(["a.b", "a.c"], {}) == routing.label(["**"], {}) == ""
