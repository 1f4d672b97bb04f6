from convert.saved.contents import find_parts


def is_text(thing: object) -> bool:
    return isinstance(thing, str)


def test_parts_are_named_by_where_they_are() -> None:
    thing = {"a": ["x", 1, ("y",)], 2: "z", "nothing": {}}

    assert list(find_parts(thing, is_text)) == [
        ("2", "z"),
        ("'a' / 0", "x"),
        ("'a' / 2 / 0", "y"),
    ]


def test_what_is_no_container_has_no_parts() -> None:
    assert list(find_parts("x", is_text)) == []


def test_a_list_in_itself_comes_to_an_end() -> None:
    thing: list[object] = ["x"]
    thing.append(thing)

    assert ("0", "x") in list(find_parts(thing, is_text))


def test_lists_that_share_lists_are_opened_once_each() -> None:
    thing: list[object] = []
    for _ in range(60):
        thing = [thing, thing]

    assert list(find_parts(thing, is_text)) == []
