from convert.errors import listed, suggest


def test_the_nearest_name_is_suggested() -> None:
    assert suggest("lunhc", ["gender", "lunch", "y"]) == (
        "did you mean 'lunch'? There is also 'gender', 'y'"
    )
    assert suggest("lunhc", ["lunch"]) == "did you mean 'lunch'?"


def test_all_names_are_listed_where_none_is_near() -> None:
    assert suggest("zzz", ["gender", "lunch"]) == "there is 'gender', 'lunch'"


def test_a_long_list_is_cut() -> None:
    names = [f"column {i}" for i in range(300)]

    assert suggest("zzz", names).endswith("'column 9' and 290 more")


def test_of_many_names_the_rest_is_counted() -> None:
    assert listed("abc", most=3) == "a, b, c"
    assert listed("abcde", most=3) == "a, b, c and 2 more"
    assert listed([]) == ""
