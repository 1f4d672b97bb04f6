from convert.refusal import suggest


def test_the_nearest_name_is_suggested() -> None:
    assert suggest("lunhc", ["gender", "lunch"]) == "did you mean 'lunch'?"


def test_all_names_are_listed_where_none_is_near() -> None:
    assert suggest("zzz", ["gender", "lunch"]) == "there is 'gender', 'lunch'"


def test_a_long_list_is_cut() -> None:
    names = [f"column {i}" for i in range(300)]

    assert suggest("zzz", names).endswith("'column 9', …")
